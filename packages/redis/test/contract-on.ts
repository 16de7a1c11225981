import { type CacheBackend, urlEncoded } from '@hitbox/core'
import {
  backendContract,
  type BackendSubject,
  casesFor,
  type FaultControls,
  type RedisServer,
} from '@hitbox/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { redisBackend, type RedisBackendOptions, single } from '../src/index.ts'

type Options = Partial<RedisBackendOptions>

/** One way to connect: how it is made ready, and what a backend on it is opened with. */
export interface Setting {
  readonly name: string
  readonly layout?: 'string' | 'hash'
  /** Why failures are not tried here. */
  readonly untried?: string
  start(): Promise<Started>
}

export interface Started {
  readonly connection: () => RedisBackendOptions['connection']
  /** All that hold keys. */
  readonly servers: readonly RedisServer[]
  readonly recovered?: () => Promise<void>
  stop(): Promise<void>
}

const LIMIT = 4_000_000

/** Proves the contract on one setting. */
export function proveContract(setting: Setting): void {
  describe(`backend contract on ${setting.name}`, () => {
    let started: Started
    const raw = setting.layout === 'hash'
    const options = new WeakMap<CacheBackend, Options>()
    const connect = (own: Options = {}): CacheBackend => {
      const backend = redisBackend({
        connection: started.connection(),
        maxValueBytes: LIMIT,
        // What is tried is what comes of a call: on a busy machine 5,000 keys at once may take longer than a service would wait.
        responseTimeout: '1.5s',
        ...(raw ? { layout: 'hash' as const } : {}),
        ...own,
      })
      options.set(backend, own)
      return backend
    }
    const clear = async (): Promise<void> => {
      for (const server of started.servers) {
        await server.command('FLUSHALL').catch(() => undefined) // a replica refuses
      }
    }
    const ask = async (
      text: string,
      words: (key: string) => readonly (string | Uint8Array)[],
    ): Promise<unknown> => {
      const key = urlEncoded.encode(text)
      for (const server of started.servers) {
        try {
          const reply = await server.commandBytes(...words(key))
          if (reply !== null) return reply
        } catch {
          // Another node has the key.
        }
      }
      return null
    }
    const subject: BackendSubject = {
      open: async ({ onEvent }) => {
        await clear()
        return connect({ onEvent })
      },
      capabilities: {
        clock: 'the server counts by its own clock',
        copies: true,
        structured: true,
        meta: raw ? 'a bare value has no room for it' : true,
        sync: 'a server is not in this process',
        peek: 'a server is not in this process',
        clear: 'others share the server',
        events: true,
        leases: raw ? 'a bare value has no room for a lease' : true,
        coherence: true,
        limit: LIMIT,
        misspelt: () => redisBackend({ connection: single('redis://h'), tlss: 1 } as never),
        reopen: async (backend) => {
          const own = options.get(backend)
          await backend.close()
          return connect(own)
        },
        join: (backend) => connect(options.get(backend)),
        raw: raw
          ? 'a bare value has no checksum, so not every change shows'
          : () => ({
              read: async (key) =>
                ((await ask(key, (name) => ['GET', name])) as Uint8Array | null) ?? undefined,
              write: async (key, bytes) => {
                await ask(key, (name) => ['SET', name, bytes, 'KEEPTTL'])
              },
            }),
        commands:
          'writes are a command for each entry; what leaves in one write is tried elsewhere',
        faults: faultsOf(setting, () => started),
      },
    }
    beforeAll(async () => {
      started = await setting.start()
    }, 60_000)
    afterAll(() => started.stop())
    for (const promise of casesFor(backendContract, subject)) {
      it(`${promise.id} ${promise.title}`, () => promise.run(subject), 60_000)
    }
  })
}

function faultsOf(setting: Setting, started: () => Started): FaultControls | string {
  if (setting.untried !== undefined) return setting.untried
  return {
    deadlineMs: 1_500,
    recoveryMs: 20_000,
    freeze: () => started().servers.forEach((server) => server.pause()),
    thaw: async () => {
      started().servers.forEach((server) => server.resume())
      await started().recovered?.()
    },
    kill: async () => {
      await Promise.all(started().servers.map((server) => server.kill()))
    },
    restart: async () => {
      await Promise.all(started().servers.map((server) => server.restart()))
      await started().recovered?.()
    },
  }
}
