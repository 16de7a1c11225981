import {
  type Backend,
  type Clock,
  type Compressor,
  type DeleteStatus,
  deleteStatus,
  type Format,
  type ItemResult,
  type KeyFormat,
  type Operation,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
} from '@hitbox/core'
import { Batch, type SendItems } from './batch.ts'
import { fixed } from './fixed.ts'
import { Dispatcher, type DispatcherSettings } from './dispatcher.ts'
import type { Layout } from './layout.ts'
import type { Route } from './line.ts'
import type { Session } from './session.ts'
import type { Topology } from './topology.ts'
import { word } from './words.ts'

export interface StoreParts {
  readonly topology: Topology
  readonly layout: (timeKnown: (key: StoreKey) => boolean) => Layout
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly settings: DispatcherSettings
}

/** The port over any topology and layout. */
export class RedisStore implements Backend<StoreKey> {
  readonly label: string
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly layout: 'envelope' | 'raw'
  readonly #topology: Topology
  readonly #layout: Layout
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock

  constructor(parts: StoreParts) {
    this.label = parts.settings.label
    this.keyFormat = parts.keyFormat
    this.valueFormat = parts.valueFormat
    this.compressor = parts.compressor
    this.#topology = parts.topology
    this.#clock = parts.settings.clock
    this.#dispatcher = new Dispatcher(parts.settings)
    this.#layout = parts.layout((key) => this.#timeKnown(key))
    this.layout = this.#layout.kind
  }

  storeTime(key: StoreKey): number | undefined {
    return this.#topology.primary(key).line().session?.time.when(this.#clock.now())
  }

  read(key: StoreKey): Promise<StoreRead | undefined> {
    return this.#dispatcher.run('read', this.#topology.reader(key), this.#layout.read(key))
  }

  write(key: StoreKey, entry: StoreWrite): Promise<void> {
    const since = this.#clock.now()
    return this.#dispatcher.run<void, unknown>('write', this.#topology.primary(key), {
      send: (session) => this.#layout.write(session, key, entry, since),
      take: nothing,
    })
  }

  remove(key: StoreKey): Promise<DeleteStatus> {
    return this.#dispatcher.run('remove', this.#topology.primary(key), {
      send: (session) => unlink(session, key),
      take: deleteStatus,
    })
  }

  readMany(keys: readonly StoreKey[]): Promise<ItemResult<StoreRead | undefined>[]> {
    const together = this.#topology.together ? this.#layout.together : undefined
    const routes = keys.map((key) => this.#topology.reader(key))
    return this.#batch<StoreRead | undefined>('read', routes, (session, items, sink) => {
      if (together === undefined) {
        for (const item of items) {
          const exchange = this.#layout.read(keys[item] as StoreKey)
          const answer = exchange.send(session).then((replies) => exchange.take(replies, session))
          sink.one(item, answer)
        }
        return
      }
      for (let at = 0; at < items.length; at += together.keysAtOnce) {
        const some = items.slice(at, at + together.keysAtOnce)
        const named = some.map((item) => keys[item] as StoreKey)
        sink.many(some, together.read(session, named))
      }
    })
  }

  writeMany(entries: readonly (readonly [StoreKey, StoreWrite])[]): Promise<ItemResult<void>[]> {
    const since = this.#clock.now()
    const routes = entries.map(([key]) => this.#topology.primary(key))
    return this.#batch<void>('write', routes, (session, items, sink) => {
      for (const item of items) {
        const [key, entry] = entries[item] as readonly [StoreKey, StoreWrite]
        sink.one(item, this.#layout.write(session, key, entry, since).then(nothing))
      }
    })
  }

  removeMany(keys: readonly StoreKey[]): Promise<ItemResult<DeleteStatus>[]> {
    const routes = keys.map((key) => this.#topology.primary(key))
    return this.#batch<DeleteStatus>('remove', routes, (session, items, sink) => {
      for (const item of items) {
        sink.one(item, unlink(session, keys[item] as StoreKey).then(deleteStatus))
      }
    })
  }

  async ready(timeoutMs: number): Promise<void> {
    const lines = await this.#topology.all(timeoutMs)
    const settings = { ...this.#dispatcher.settings, responseTimeoutMs: timeoutMs }
    const dispatcher = new Dispatcher(settings)
    await Promise.all(
      lines.map((line) =>
        dispatcher.run<void, unknown>('connect', fixed(line), {
          send: (session) => session.send(['PING']),
          take: nothing,
        }),
      ),
    )
  }

  async close(): Promise<void> {
    await this.#dispatcher.idle()
    this.#topology.close()
  }

  #batch<T>(
    operation: Operation,
    routes: readonly Route[],
    send: SendItems<T>,
  ): Promise<ItemResult<T>[]> {
    return new Batch(this.#dispatcher, operation, routes, send).run()
  }

  #timeKnown(key: StoreKey): boolean {
    return this.#topology.primary(key).line().session?.time.known ?? false
  }
}

function unlink(session: Session, key: StoreKey): Promise<number> {
  session.keepTime()
  return session.send(['UNLINK', word(key)]) as Promise<number>
}

function nothing(): void {
  // The answer is that there was one.
}
