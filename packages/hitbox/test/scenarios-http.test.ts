import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Deferred, deferred, type ManualClock, manualClock } from '@hitbox/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Cache, CacheOptions, LoadContext } from '../src/index.ts'
import { scriptedTier, type ScriptedTier, soon } from './support/scripted-tier.ts'
import { open, turn } from './support/setup.ts'

/*
 * The scenarios of Hitbox for Rust about concurrent requests over HTTP. Its header says HIT to who waited for the load of another and
 * MISS to who came after; here a `miss` that was `collapsed` is what RFC 9211 calls it.
 */

interface Reply {
  readonly status: number
  readonly body: string
  readonly cache: string
}

/** What a row does: requests come, the upstream answers. After each step everything that is due has run. */
type Step =
  /** So many requests at the same moment; all of them have reached the cache when the step ends. */
  | { readonly requests: number }
  /** The first of the running loads gives a page, or fails. */
  | { readonly upstream: 'page' | 'private page' | 'error' }
  /** The client of a request, counted from 0, hangs up; the server has noticed when the step ends. */
  | { readonly hangsUp: number }
  | { readonly passes: '5s' | '10s' }

interface Row {
  readonly name: string
  readonly options?: CacheOptions
  readonly steps: readonly Step[]
  /** Loads that began. */
  readonly upstream: number
  /** Reads of the tier; left out where it depends on who arrives in the same turn, and shares one. */
  readonly reads?: number
  /** What the tier was given to keep. */
  readonly writes: number
  /** One per request: status, page, and how it was answered. */
  readonly replies: readonly string[]
  /** Whether the loads still running are aborted at the end. */
  readonly aborted?: boolean
}

const three = { requests: 3 } as const
const one = { requests: 1 } as const
const page = { upstream: 'page' } as const

const ROWS: readonly Row[] = [
  {
    // Rust reads once for each of them, since every request looks for itself; here it need not when somebody is loading.
    name: 'a limit of one: one load, the others wait for it',
    steps: [three, page],
    upstream: 1,
    reads: 1,
    writes: 1,
    replies: ['200 page 1 miss', '200 page 1 miss collapsed', '200 page 1 miss collapsed'],
  },
  {
    name: 'a limit of one: who comes while it is loading does not ask the tier',
    steps: [one, one, one, page],
    upstream: 1,
    reads: 1,
    writes: 1,
    replies: ['200 page 1 miss', '200 page 1 miss collapsed', '200 page 1 miss collapsed'],
  },
  {
    // Rust writes three times. One value is enough, and nobody pays for loads that came too late.
    name: 'a limit of three: three loads, the first answers all and is stored',
    options: { concurrency: 3 },
    steps: [three, page],
    upstream: 3,
    reads: 1,
    writes: 1,
    replies: ['200 page 1 miss', '200 page 1 miss', '200 page 1 miss'],
    aborted: true,
  },
  {
    name: 'the third request comes when the load is over',
    steps: [{ requests: 2 }, page, one],
    upstream: 1,
    reads: 2,
    writes: 1,
    replies: ['200 page 1 miss', '200 page 1 miss collapsed', '200 page 1 hit'],
  },
  {
    // Rust lets everybody who waited call upstream. They came before the page was made, so it is theirs too.
    name: 'a page not to be kept: who waited shares it, who comes later has another made',
    steps: [three, { upstream: 'private page' }, one, { upstream: 'private page' }],
    upstream: 2,
    reads: 2,
    writes: 0,
    replies: [
      '200 page 1 miss',
      '200 page 1 miss collapsed',
      '200 page 1 miss collapsed',
      '200 page 2 miss',
    ],
  },
  {
    // In Rust three requests make three failing calls.
    name: 'an upstream that fails: one failure for who waited, another try for who comes later',
    steps: [three, { upstream: 'error' }, one, page],
    upstream: 2,
    reads: 2,
    writes: 1,
    replies: ['502 no 1', '502 no 1', '502 no 1', '200 page 2 miss'],
  },
  {
    // In Rust the others hang until one more request comes.
    name: 'the client of the first request hangs up: the others get the page',
    steps: [one, { requests: 2 }, { hangsUp: 0 }, page],
    upstream: 1,
    reads: 1,
    writes: 1,
    replies: ['hung up', '200 page 1 miss collapsed', '200 page 1 miss collapsed'],
  },
  {
    name: 'all clients hang up: the load is aborted, and the next request begins one of its own',
    steps: [{ requests: 2 }, { hangsUp: 0 }, { hangsUp: 1 }, one, page],
    upstream: 2,
    reads: 2,
    writes: 1,
    replies: ['hung up', 'hung up', '200 page 2 miss'],
    aborted: true,
  },
  {
    name: 'a stale page: everybody has it at once, and one refresh runs behind',
    options: { ttl: '10s', staleAfter: '5s' },
    steps: [one, page, { passes: '5s' }, three, page, one],
    upstream: 2,
    writes: 2,
    replies: [
      '200 page 1 miss',
      '200 page 1 stale',
      '200 page 1 stale',
      '200 page 1 stale',
      '200 page 2 hit',
    ],
  },
  {
    name: 'an expired page: one load',
    steps: [one, page, { passes: '10s' }, three, page],
    upstream: 2,
    reads: 2,
    writes: 2,
    replies: [
      '200 page 1 miss',
      '200 page 2 miss',
      '200 page 2 miss collapsed',
      '200 page 2 miss collapsed',
    ],
  },
  {
    name: 'an expired page and an upstream that fails: the old page for all',
    options: { ttl: '10s', staleIfError: '1m' },
    steps: [one, page, { passes: '10s' }, three, { upstream: 'error' }],
    upstream: 2,
    writes: 1,
    replies: [
      '200 page 1 miss',
      '200 page 1 stale',
      '200 page 1 stale collapsed',
      '200 page 1 stale collapsed',
    ],
  },
]

type Load = Deferred<string> & { readonly context: LoadContext; over: boolean }

/** A service that answers every request from a cache over one tier. */
class Service {
  readonly clock: ManualClock = manualClock()
  readonly tier: ScriptedTier = scriptedTier('store', soon)
  readonly cache: Cache
  readonly loads: Load[] = []
  readonly replies: Promise<Reply | 'hung up'>[] = []
  readonly #hangUps: (() => void)[] = []
  #arrivals: { readonly wanted: number; readonly all: Deferred<void> } | undefined
  #left: Deferred<void> | undefined
  #port = 0

  constructor(options: CacheOptions = {}) {
    this.cache = open({ ttl: '10s', ...options, clock: this.clock, tiers: [this.tier] }).cache
  }

  async listen(): Promise<void> {
    const server = createServer((request, response) => void this.#serve(request, response))
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    onTestFinished(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    })
  }

  async happen(step: Step): Promise<void> {
    if ('requests' in step) await this.#requests(step.requests)
    else if ('hangsUp' in step) await this.#hangUp(step.hangsUp)
    else if ('passes' in step) this.clock.advance(step.passes)
    else await this.#upstream(step.upstream)
    await turn()
  }

  async #serve(_request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController()
    response.on('close', () => {
      if (response.writableFinished) return
      left.abort(new Error('the client hung up'))
      this.#left?.resolve()
    })
    const answer = this.cache.getOrLoad.withContext('page', this.#load, { signal: left.signal })
    this.#arrived()
    try {
      const { value, context } = await answer
      const { status, collapsed } = context
      const how = status === 'forward' ? 'miss' : status
      response.setHeader('x-cache', collapsed ? `${how} collapsed` : how).end(value)
    } catch (error) {
      response.writeHead(502).end((error as Error).message)
    }
  }

  readonly #load = (context: LoadContext): Promise<string> => {
    const load = { ...deferred<string>(), context, over: false }
    this.loads.push(load)
    return load.promise
  }

  #arrived(): void {
    if (this.#arrivals === undefined) return
    const { wanted, all } = this.#arrivals
    this.#arrivals = { wanted: wanted - 1, all }
    if (wanted === 1) all.resolve()
  }

  async #requests(count: number): Promise<void> {
    const all = deferred()
    this.#arrivals = { wanted: count, all }
    for (let index = 0; index < count; index += 1) this.#request()
    await all.promise
  }

  #request(): void {
    const request = httpRequest({ host: '127.0.0.1', port: this.#port, agent: false })
    this.#hangUps.push(() => request.destroy())
    this.replies.push(
      new Promise((resolve) => {
        request.on('error', () => resolve('hung up'))
        request.on('response', (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (text: string) => (body += text))
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              body,
              cache: String(response.headers['x-cache'] ?? ''),
            }),
          )
        })
        request.end()
      }),
    )
  }

  async #hangUp(index: number): Promise<void> {
    this.#left = deferred()
    this.#hangUps[index]?.()
    await this.#left.promise
    this.#left = undefined
  }

  async #upstream(what: 'page' | 'private page' | 'error'): Promise<void> {
    const load = this.loads.find(({ over, context }) => !over && !context.signal.aborted)
    if (load === undefined) throw new Error('the row ends a load, and none runs')
    load.over = true
    const number = this.loads.indexOf(load) + 1
    if (what === 'private page') load.context.doNotStore()
    if (what === 'error') load.reject(new Error(`no ${number}`))
    else load.resolve(`page ${number}`)
    await turn()
  }
}

async function play({ options, steps, ...row }: Row): Promise<void> {
  const service = new Service(options)
  await service.listen()
  for (const step of steps) await service.happen(step)
  const replies = await Promise.all(service.replies)
  const seen = replies.map((reply) =>
    reply === 'hung up' ? reply : `${reply.status} ${reply.body} ${reply.cache}`.trim(),
  )
  const calls = (verb: string): number =>
    service.tier.calls.filter((call) => call.startsWith(`${verb} `)).length
  expect({
    upstream: service.loads.length,
    reads: row.reads === undefined ? undefined : calls('get'),
    writes: calls('set'),
    replies: seen.toSorted(),
  }).toEqual({
    upstream: row.upstream,
    reads: row.reads,
    writes: row.writes,
    // Requests of one moment arrive in any order.
    replies: row.replies.toSorted(),
  })
  for (const { over, context } of service.loads.filter((load) => !load.over)) {
    expect({ over, aborted: context.signal.aborted }).toEqual({ over: false, aborted: row.aborted })
  }
  const { calls: all, hits, stale, misses, bypasses, inFlight } = service.cache.stats()
  expect(hits + stale + misses + bypasses).toBe(all)
  expect(all).toBe(replies.length)
  expect(inFlight).toBe(0)
}

describe('concurrent requests over HTTP', () => {
  it.each(ROWS.map((row) => [row.name, row] as const))('%s', (_, row) => play(row))
})
