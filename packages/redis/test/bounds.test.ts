import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type CacheBackend, cacheValue } from '@hitbox/core'
import { expectNoLeaks, faultProxy, type RedisServer, startRedis, until } from '@hitbox/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'
import { bundleProgram } from './child/bundle.ts'
import { Backends, codeOf, failureOf, timed } from './support.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const VALUE = cacheValue({ name: 'Ada' }, { ttl: '1m' })

let server: RedisServer
let program: string
const backends = new Backends()

beforeAll(async () => {
  server = await startRedis()
  program = await bundleProgram()
}, 60_000)
afterEach(() => backends.closeAll())
afterAll(() => server.stop())

function connect(options: Partial<RedisBackendOptions> = {}): CacheBackend {
  return backends.add(redisBackend({ connection: single(server.url), ...options }))
}

describe('redisBackend bounds', () => {
  it('lets 10,000 operations on a frozen server fail in time, and keeps nothing of them', async () => {
    const backend = connect({ responseTimeout: '500ms', maxPending: 20_000 })
    await backend.set('k', VALUE)
    const wave = async (): Promise<Set<string | undefined>> => {
      const codes = Array.from({ length: 10_000 }, (_, index) =>
        codeOf(() => backend.get(`key:${index}`)),
      )
      return new Set(await Promise.all(codes))
    }
    server.pause()
    try {
      // The first wave grows what later ones use again.
      await wave()
      const before = heap()
      for (let round = 0; round < 3; round += 1) {
        const begun = performance.now()
        expect(await wave()).toEqual(new Set(['TIMEOUT']))
        expect(performance.now() - begun).toBeLessThan(1_000)
      }
      expect(heap() - before).toBeLessThan(4_000_000)
    } finally {
      server.resume()
    }
    expect((await backend.get('k'))?.data).toEqual({ name: 'Ada' })
  }, 30_000)

  it('refuses at once what is more than maxPending', async () => {
    const backend = connect({ responseTimeout: '300ms', maxPending: 100 })
    await backend.set('k', VALUE)
    server.pause()
    try {
      const first = Array.from({ length: 100 }, () => codeOf(() => backend.get('k')))
      const took = await timed(() => backend.get('k'))
      expect(took).toBeLessThan(100)
      expect(await codeOf(() => backend.get('k'))).toBe('OVERLOADED')
      const [item] = await backend.setMany([['k', VALUE]])
      expect(item?.ok).toBe(false)
      expect(new Set(await Promise.all(first))).toEqual(new Set(['TIMEOUT']))
    } finally {
      server.resume()
    }
    expect((await backend.get('k'))?.data).toEqual({ name: 'Ada' })
  })

  it('takes a batch that is larger than maxPending when it is the only one', async () => {
    const backend = connect({ maxPending: 10, responseTimeout: '5s' })
    const keys = Array.from({ length: 10_000 }, (_, index) => `large:${index}`)
    const written = await backend.setMany(keys.map((key) => [key, VALUE] as const))
    expect(written.filter(({ ok }) => !ok)).toEqual([])
    const read = await backend.getMany(keys)
    expect(read.filter((result) => !result.ok || result.value === undefined)).toEqual([])
  })

  it('makes few connections to a server that refuses, and few to one that hangs', async () => {
    const proxy = await faultProxy(server)
    try {
      await proxy.set('reset')
      const { host, port } = proxy
      const backend = connect({ connection: single({ host, port }), responseTimeout: '300ms' })
      const end = performance.now() + 600
      while (performance.now() < end) {
        await Promise.all(Array.from({ length: 20 }, () => failureOf(() => backend.get('k'))))
      }
      expect(proxy.stats().connections).toBeLessThan(60)
      await proxy.set('black-hole')
      proxy.resetStats()
      const later = performance.now() + 900
      while (performance.now() < later) {
        await Promise.all(Array.from({ length: 20 }, () => failureOf(() => backend.get('k'))))
      }
      expect(proxy.stats().connections).toBeLessThan(20)
      expect(proxy.stats().open).toBeLessThanOrEqual(3)
    } finally {
      await proxy.close()
    }
  })

  it('sees a first operation through when the server is slow to connect to', async () => {
    const proxy = await faultProxy(server)
    try {
      await proxy.set({ delay: '250ms' })
      const { host, port } = proxy
      const backend = connect({
        connection: single({ host, port }),
        responseTimeout: '200ms',
        connectTimeout: '5s',
      })
      // Each operation is too short for a connection; together they must get one all the same.
      await until('there is a connection', async () => {
        await failureOf(() => backend.get('k'))
        return (await codeOf(() => backend.ready({ timeout: '600ms' }))) === undefined
      })
    } finally {
      await proxy.close()
    }
  })

  it('keeps a connection whose answer was here before this process had time to read it', async () => {
    const backend = connect({ responseTimeout: '100ms' })
    await backend.set('k', VALUE)
    // The only one that speaks RESP 3.
    const clients = async (): Promise<string | undefined> =>
      /^id=(\d+) .* resp=3/m.exec(String(await server.command('CLIENT', 'LIST')))?.[1]
    const stays = async (): Promise<boolean> => {
      const before = await clients()
      expect(before).toBeDefined()
      const pending = codeOf(() => backend.get('k'))
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      const end = performance.now() + 250
      while (performance.now() < end); // a process that is busy with something else
      await pending
      expect((await backend.get('k'))?.data).toEqual({ name: 'Ada' })
      return (await clients()) === before
    }
    // On a busy machine the server may be the one that was late.
    await until('the connection stays', stays)
  })
})

describe('redisBackend, when it is closed,', () => {
  it('leaves nothing behind, whatever the server does', async () => {
    for (const state of ['up', 'frozen', 'gone', 'unused'] as const) {
      await expectNoLeaks(async () => {
        const url = state === 'gone' ? 'redis://127.0.0.1:1' : server.url
        const backend = redisBackend({ connection: single(url), responseTimeout: '150ms' })
        if (state !== 'unused') await failureOf(() => backend.set('k', VALUE))
        if (state === 'frozen') server.pause()
        const pending = [codeOf(() => backend.get('k')), codeOf(() => backend.getMany(['k']))]
        const took = await timed(() => backend.close())
        if (state === 'frozen') server.resume()
        expect(took).toBeLessThan(250)
        await Promise.all(pending)
        expect(await codeOf(() => backend.get('k'))).toBe('CLOSED')
      })
    }
  })

  it('finishes what is under way', async () => {
    const backend = connect()
    await backend.set('k', VALUE)
    const pending = Array.from({ length: 100 }, async () => backend.get('k'))
    await backend.close()
    for (const value of await Promise.all(pending)) expect(value?.data).toEqual({ name: 'Ada' })
  })

  it.for(['close', 'hang', 'refused'] as const)('lets the process end: %s', async (what) => {
    await using own = await startRedis()
    if (what === 'hang') own.pause()
    const url = what === 'refused' ? 'redis://127.0.0.1:1' : own.url
    const child = spawn(process.execPath, [program, url, what], { stdio: 'pipe' })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = (await once(child, 'exit')) as [number]
    expect([code, output]).toEqual([0, 'closed\n'])
  })
})

function heap(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
