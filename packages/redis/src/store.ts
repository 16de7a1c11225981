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
import { type Audience, NOBODY } from './coherence/audience.ts'
import { change } from './coherence/change.ts'
import { RedisFeed } from './coherence/feed.ts'
import type { Exchange } from './exchange.ts'
import { fixed } from './fixed.ts'
import { Dispatcher, type DispatcherSettings } from './dispatcher.ts'
import { HashLayout } from './hash-layout.ts'
import type { Layout } from './layout.ts'
import { RedisLeases } from './lease/lease-port.ts'
import type { Line, Route } from './line.ts'
import type { LinkSettings } from './link.ts'
import type { Coherent } from './options.ts'
import { type Kept, Outbox } from './outbox.ts'
import type { Session } from './session.ts'
import { StringLayout } from './string-layout.ts'
import type { Topology } from './topology.ts'
import { word } from './words.ts'

export interface StoreParts {
  readonly topology: Topology
  readonly layout: 'string' | 'hash'
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly settings: DispatcherSettings & LinkSettings
  readonly coherent: Coherent
}

/** The port over any topology and layout. */
export class RedisStore implements Backend<StoreKey> {
  readonly label: string
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly layout: 'envelope' | 'raw'
  readonly feed: RedisFeed | undefined
  readonly leases: RedisLeases | undefined
  readonly #topology: Topology
  readonly #layout: Layout
  readonly #dispatcher: Dispatcher
  readonly #clock: Clock
  readonly #outbox: Outbox
  readonly #audience: Audience

  constructor(parts: StoreParts) {
    const { topology, keyFormat, settings, coherent } = parts
    const { label, clock, reporter, sessions } = settings
    this.label = label
    this.keyFormat = keyFormat
    this.valueFormat = parts.valueFormat
    this.compressor = parts.compressor
    this.#topology = topology
    this.#clock = clock
    this.#dispatcher = new Dispatcher(settings)
    this.#outbox = new Outbox(label, reporter, keyFormat, topology)
    // First of all, so that nothing is asked of a key before its removal was sent.
    sessions.observe(this.#outbox)
    this.feed = this.#feedOf(parts)
    this.#audience = this.feed ?? NOBODY
    if (parts.layout === 'hash') this.#layout = new HashLayout(clock, this.#audience)
    else {
      const { policy, leaseMs } = coherent
      const audience = this.#audience
      const timeKnown = (key: StoreKey): boolean => this.#timeKnown(key)
      const layout = new StringLayout({ clock, keyFormat, policy, audience, timeKnown })
      this.#layout = layout
      if (coherent.primariesOnly) {
        const shared = { topology, clock, layout, audience, leaseMs, policy }
        const own = { dispatcher: this.#dispatcher, outbox: this.#outbox }
        this.leases = new RedisLeases({ ...shared, ...own })
      }
    }
    this.layout = this.#layout.kind
  }

  storeTime(key: StoreKey): number | undefined {
    return this.#topology.primary(key).line().session?.time.when(this.#clock.now())
  }

  read(key: StoreKey): Promise<StoreRead | undefined> {
    const kept = this.#outbox.get(key)
    const exchange = this.#layout.read(key)
    if (kept === undefined) {
      return this.#dispatcher.run('read', this.#topology.reader(key), exchange)
    }
    const after = this.#after(kept, exchange)
    return this.#dispatcher.run('read', this.#topology.primary(key), after)
  }

  write(key: StoreKey, entry: StoreWrite): Promise<void> {
    const since = this.#clock.now()
    return this.#changing(key, () =>
      this.#dispatcher.run<void, unknown>('write', this.#topology.primary(key), {
        send: (session) => this.#layout.write(session, key, entry, since),
        take: nothing,
      }),
    )
  }

  remove(key: StoreKey): Promise<DeleteStatus> {
    return this.#changing(key, () =>
      this.#dispatcher.run<DeleteStatus, number>('remove', this.#topology.primary(key), {
        send: (session) => this.#unlink(session, key),
        take: deleteStatus,
      }),
    )
  }

  readMany(keys: readonly StoreKey[]): Promise<ItemResult<StoreRead | undefined>[]> {
    const together = this.#topology.together ? this.#layout.together : undefined
    const kept = this.#outbox.some(keys) ?? []
    const routes = keys.map((key, item) =>
      kept[item] === undefined ? this.#topology.reader(key) : this.#topology.primary(key),
    )
    return this.#batch<StoreRead | undefined>('read', routes, (session, items, sink) => {
      const one = (item: number): void => {
        const read = this.#layout.read(keys[item] as StoreKey)
        const first = kept[item]
        const exchange = first === undefined ? read : this.#after(first, read)
        const answer = exchange.send(session).then((replies) => exchange.take(replies, session))
        sink.one(item, answer)
      }
      if (together === undefined) return items.forEach(one)
      const clean = kept.length === 0 ? items : items.filter((item) => kept[item] === undefined)
      if (clean.length < items.length) {
        items.filter((item) => kept[item] !== undefined).forEach(one)
      }
      for (let at = 0; at < clean.length; at += together.keysAtOnce) {
        const some = clean.slice(at, at + together.keysAtOnce)
        const named = some.map((item) => keys[item] as StoreKey)
        sink.many(some, together.read(session, named))
      }
    })
  }

  writeMany(entries: readonly (readonly [StoreKey, StoreWrite])[]): Promise<ItemResult<void>[]> {
    const since = this.#clock.now()
    const keys = entries.map(([key]) => key)
    const routes = keys.map((key) => this.#topology.primary(key))
    return this.#changingMany(keys, () =>
      this.#batch<void>('write', routes, (session, items, sink) => {
        for (const item of items) {
          const [key, entry] = entries[item] as readonly [StoreKey, StoreWrite]
          sink.one(item, this.#layout.write(session, key, entry, since).then(nothing))
        }
      }),
    )
  }

  removeMany(keys: readonly StoreKey[]): Promise<ItemResult<DeleteStatus>[]> {
    const routes = keys.map((key) => this.#topology.primary(key))
    return this.#changingMany(keys, () =>
      this.#batch<DeleteStatus>('remove', routes, (session, items, sink) => {
        for (const item of items) {
          sink.one(item, this.#unlink(session, keys[item] as StoreKey).then(deleteStatus))
        }
      }),
    )
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
    this.feed?.close()
    this.#topology.close()
  }

  #feedOf({ topology, keyFormat, settings, coherent }: StoreParts): RedisFeed | undefined {
    const { wish, maxStaleMs, database } = coherent
    if (wish === undefined) return undefined
    const { sessions } = settings
    // Where somebody is told of changes, what was not delivered is tried now and then, whether or not it is asked for.
    const onPulse = (line: Line, session: Session): void => this.#outbox.flush(line, session)
    const parts = { topology, sessions, keyFormat, settings, database, maxStaleMs, wish, onPulse }
    return new RedisFeed(parts)
  }

  /** Reads only after the removal of what must not be found was carried out. */
  #after(kept: Kept, exchange: Exchange<StoreRead | undefined>): Exchange<StoreRead | undefined> {
    return {
      send: async (session) => {
        const first = this.#outbox.deliver(kept, session)
        const [replies] = await Promise.all([exchange.send(session), first])
        return replies
      },
      take: (replies, session) => exchange.take(replies, session),
    }
  }

  /** Remembers a change that was not acknowledged, and forgets an earlier one when it was. */
  #changing<T>(key: StoreKey, run: () => Promise<T>): Promise<T> {
    const kept = this.#outbox.get(key)
    return run().then(
      (done) => {
        this.#outbox.settle(kept)
        return done
      },
      (error: unknown) => {
        this.#outbox.keep(key, error)
        throw error
      },
    )
  }

  async #changingMany<T>(
    keys: readonly StoreKey[],
    run: () => Promise<ItemResult<T>[]>,
  ): Promise<ItemResult<T>[]> {
    const kept = this.#outbox.some(keys)
    const results = await run()
    for (let item = 0; item < results.length; item += 1) {
      const result = results[item] as ItemResult<T>
      if (result.ok) this.#outbox.settle(kept?.[item])
      else this.#outbox.keep(keys[item] as StoreKey, result.error)
    }
    return results
  }

  #unlink(session: Session, key: StoreKey): Promise<number> {
    session.keepTime()
    const command = ['UNLINK', word(key)]
    if (!this.#audience.publishes(session)) return session.send(command) as Promise<number>
    const commands = { key, commands: [command], whole: false }
    return change(session, commands, this.#audience).then(([count]) => count as number)
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

function nothing(): void {
  // The answer is that there was one.
}
