import { Agent, get } from 'node:http'

/** Latencies in ms by where the answer came from, in the order of the requests. */
export type Latencies = Map<string, number[]>

/**
 * Asks for cities as people do: the famous ones most of the time (Zipf's law, exponent 1.1). One request after the other,
 * so that a latency is that of its own tier.
 *
 * @param onProgress - Called about ten times a second with the share of the time that has passed.
 */
export async function sendTraffic(
  port: number,
  ids: readonly number[],
  forMs: number,
  onProgress: (done: number, requests: number) => void,
): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const pick = zipf(ids.length)
  const latencies: Latencies = new Map()
  const begun = performance.now()
  let shown = begun
  for (let requests = 1; ; requests += 1) {
    const before = performance.now()
    const source = await request(agent, port, ids[pick()] as number)
    const after = performance.now()
    const known = latencies.get(source)
    if (known === undefined) latencies.set(source, [after - before])
    else known.push(after - before)
    if (after - shown > 100) {
      shown = after
      onProgress(Math.min(1, (after - begun) / forMs), requests)
    }
    if (after - begun >= forMs) break
  }
  agent.destroy()
  return latencies
}

function request(agent: Agent, port: number, id: number): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ agent, host: '127.0.0.1', port, path: `/regions/${id}` }, (response) => {
      response.resume()
      response.once('end', () => {
        if (response.statusCode === 200) resolve(String(response.headers['x-source']))
        else reject(new Error(`region ${id} answered ${response.statusCode}`))
      })
    }).once('error', reject)
  })
}

/** Draws ranks from 0 on, rank r with a weight of 1 / (r + 1) ** 1.1. */
function zipf(ranks: number): () => number {
  const cumulated = new Float64Array(ranks)
  let sum = 0
  for (let rank = 0; rank < ranks; rank += 1) {
    sum += 1 / (rank + 1) ** 1.1
    cumulated[rank] = sum
  }
  return () => {
    const drawn = Math.random() * sum
    let low = 0
    let high = ranks - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulated[middle] as number) < drawn) low = middle + 1
      else high = middle
    }
    return low
  }
}
