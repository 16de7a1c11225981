import {
  type BackendStats,
  type CacheBackend,
  CacheError,
  type CacheValue,
  type ChangeListener,
  type Coherence,
  type DeleteStatus,
  deleteStatus,
  type Entry,
  type ItemResult,
  type KeyInput,
  keyText,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type Leases,
  type ReadOptions,
  type BatchReadOptions,
  succeeded,
} from '@hitbox/core'
import type { ManualClock } from '@hitbox/testing'

/** What a client can ask of the store. */
export type Order =
  | 'get'
  | 'set'
  | 'delete'
  | 'take'
  | 'fill'
  | 'renew'
  | 'release'
  | 'expire'
  | 'ping'
  | 'read versions'
  | 'write versions'

/** What becomes of a request: it fails without an effect, has its effect and fails all the same, or is never answered nor carried out. */
export type Trouble = 'fails' | 'fails after its effect' | 'hangs'

interface Slot {
  readonly value: CacheValue<unknown> | undefined
  lease: { readonly token: number; readonly endsAt: number } | undefined
}

interface Granted extends Lease {
  readonly token: number
}

/** One thing on its way to a client. */
interface Message {
  readonly name: string
  /** How far the store was when it was sent. */
  readonly seq: number
  readonly arrive: () => void
}

/** One thing on its way to the store. */
interface Sent {
  readonly name: string
  readonly arrive: () => void
}

const LEASE_MS = 3_000
export const MAX_STALE_MS = 1_000

/**
 * A store that several processes share: one map, leases on its keys, and who has read what. It tells those who have read a key when
 * somebody else changes it, once, until they read it again, as a server with tracking does.
 */
export class CoherentStore {
  readonly clock: ManualClock
  leaseMs = LEASE_MS
  /** Keys that hold what only a later version of the program can read. */
  readonly newer = new Set<string>()
  /** Counts up with each change that was made. */
  seq = 0
  readonly #slots = new Map<string, Slot>()
  readonly #readers = new Map<string, Set<CoherentClient>>()
  #ids = 0

  constructor(clock: ManualClock) {
    this.clock = clock
  }

  connect(label = 'shared', options?: ClientOptions): CoherentClient {
    return new CoherentClient(this, label, options)
  }

  /** What is under a key, as nobody's read. */
  valueOf(key: string): unknown {
    return this.#slot(key)?.value?.data
  }

  isLeased(key: string): boolean {
    return this.#slot(key)?.lease !== undefined
  }

  /** Keys with something under them, but those of versions. */
  get keys(): readonly string[] {
    return [...this.#slots.keys()].filter((key) => !isVersion(key))
  }

  /** Keys of versions by what they end with, for example `@` or `+tag`. */
  versionKey(end: string): string {
    const found = [...this.#slots.keys()].find((key) => isVersion(key) && key.endsWith(end))
    if (found === undefined) throw new Error(`the store has no version of "${end}"`)
    return found
  }

  /** Puts something there that no client has written, and tells those who read it. */
  put(
    key: string,
    data: unknown,
    life: { readonly freshMs: number; readonly ttlMs: number },
  ): void {
    const now = this.clock.now()
    const value = { data, staleAt: now + life.freshMs, expiresAt: now + life.ttlMs }
    this.write(undefined, key, value)
  }

  read(by: CoherentClient, key: string): CacheValue<unknown> | undefined {
    const slot = this.#slot(key)
    this.#track(by, key)
    return slot?.value
  }

  write(by: CoherentClient | undefined, key: string, value: CacheValue<unknown>): void {
    this.#ids += 1
    const own = { ...value, meta: { ...value.meta, id: this.#ids } }
    this.#slots.set(key, { value: own, lease: undefined })
    this.#changed(by, key)
    if (by !== undefined) this.#track(by, key)
  }

  remove(by: CoherentClient | undefined, key: string): number {
    const slot = this.#slot(key)
    if (slot === undefined) return 0
    this.#slots.delete(key)
    this.#changed(by, key)
    return slot.value === undefined ? 0 : 1
  }

  take(by: CoherentClient, key: string, over: LeaseRequest['over']): LeaseAnswer {
    if (this.newer.has(key)) return { is: 'refused', reason: 'newer-version' }
    const slot = this.#slot(key)
    if (slot === undefined) return this.#grant(by, key, undefined)
    const { value, lease } = slot
    if (over === 'anything') return this.#grant(by, key, value)
    if (value !== undefined && (typeof over !== 'object' || over.meta?.id !== value.meta?.id)) {
      this.#track(by, key)
      return { is: 'found', value }
    }
    if (lease === undefined) return this.#grant(by, key, value)
    this.#track(by, key)
    return { is: 'held', forMs: lease.endsAt - this.clock.now() }
  }

  fill(by: CoherentClient, { key, token }: Granted, value: CacheValue<unknown>): unknown {
    if (this.#slot(key)?.lease?.token !== token) return undefined
    this.write(by, key, value)
    return this.#slots.get(key)?.value
  }

  renew(by: CoherentClient, { key, token }: Granted): boolean {
    const slot = this.#slot(key)
    if (slot?.lease?.token !== token) return false
    slot.lease = { token, endsAt: this.clock.now() + this.leaseMs }
    this.#changed(by, key)
    this.#track(by, key)
    return true
  }

  release(by: CoherentClient | undefined, key: string, token?: number): void {
    const slot = this.#slot(key)
    if (slot?.lease === undefined || (token !== undefined && slot.lease.token !== token)) return
    if (slot.value === undefined) this.#slots.delete(key)
    else slot.lease = undefined
    this.#changed(by, key)
    if (by !== undefined && slot.value !== undefined) this.#track(by, key)
  }

  expire(by: CoherentClient, key: string): boolean {
    const slot = this.#slot(key)
    if (slot?.value === undefined) {
      this.remove(by, key)
      return false
    }
    const staleAt = Math.min(slot.value.staleAt, this.clock.now())
    this.#slots.set(key, { value: { ...slot.value, staleAt }, lease: undefined })
    this.#changed(by, key)
    this.#track(by, key)
    return true
  }

  /** Forgets what a client has read. */
  forget(client: CoherentClient): void {
    for (const readers of this.#readers.values()) readers.delete(client)
  }

  #grant(by: CoherentClient, key: string, value: CacheValue<unknown> | undefined): LeaseAnswer {
    this.#ids += 1
    const token = this.#ids
    const { leaseMs } = this
    this.#slots.set(key, { value, lease: { token, endsAt: this.clock.now() + leaseMs } })
    this.#changed(by, key)
    this.#track(by, key)
    const lease: Granted = { key, leaseMs, token }
    return { is: 'granted', lease }
  }

  /** What is there now: values and leases that have ended are gone. */
  #slot(key: string): Slot | undefined {
    const slot = this.#slots.get(key)
    if (slot === undefined) return undefined
    const now = this.clock.now()
    if (slot.lease !== undefined && slot.lease.endsAt <= now) slot.lease = undefined
    const isOver = (slot.value?.expiresAt ?? Number.NEGATIVE_INFINITY) <= now
    if (!isOver || (slot.value === undefined && slot.lease !== undefined)) return slot
    this.#slots.delete(key)
    this.#changed(undefined, key)
    return undefined
  }

  #changed(by: CoherentClient | undefined, key: string): void {
    this.seq += 1
    const readers = this.#readers.get(key)
    if (readers === undefined) return
    this.#readers.delete(key)
    for (const reader of readers) if (reader !== by) reader.push(key)
  }

  #track(by: CoherentClient, key: string): void {
    const readers = this.#readers.get(key) ?? new Set()
    readers.add(by)
    this.#readers.set(key, readers)
  }
}

export interface ClientOptions {
  /** Whether it has no leases, as a tier of bare values. @defaultValue false */
  readonly withoutLeases?: boolean
  /** Whether it tells nothing of what others change. @defaultValue false */
  readonly withoutCoherence?: boolean
  /** Longest life of a copy; finite where the store does not tell by itself. @defaultValue `Infinity` */
  readonly copyMs?: number
}

/**
 * One process's connection to the store: a tier with leases and coherence. By itself everything happens at once. A test may hold what it sends, so that
 * it decides when a request takes effect, and what it hears: answers and pushes, which arrive in the order in which the store has sent them.
 */
export class CoherentClient implements CacheBackend {
  readonly label: string
  readonly leases?: Leases
  readonly coherence?: Coherence
  /** What was asked, as `order key`, but pings and questions for versions. */
  readonly calls: string[] = []
  /** Questions for versions and changes of them, as `order key,key`. */
  readonly versionCalls: string[] = []
  /** For each call of `barrier`, the keys it was for. */
  readonly barriers: (readonly string[] | undefined)[] = []
  pings = 0
  /** What goes wrong with a request; nothing for `undefined`. */
  trouble: (order: Order, key: string) => Trouble | undefined = () => undefined
  /** Whether what is told of changes is lost on the way. The fence goes on all the same: what nobody notices. */
  losing = false
  /** Whether the feed is alive: its fence is always now. A test that turns it off moves the fence with {@link CoherentClient.beat} or barriers. */
  beating = true
  mode: Coherence['mode'] = 'tracking'
  readonly copyMs: number
  readonly maxStaleMs = MAX_STALE_MS
  readonly #store: CoherentStore
  readonly #listeners = new Set<ChangeListener>()
  readonly #outbox: Sent[] = []
  readonly #inbox: Message[] = []
  #holdsSent = false
  #holdsHeard = false
  #arriving = false
  #heard = 0
  #fence: number
  #nextPing: Promise<void> | undefined
  #numbers = 0
  #closed = false

  constructor(store: CoherentStore, label: string, options: ClientOptions = {}) {
    this.label = label
    this.#store = store
    this.#fence = store.clock.now()
    this.copyMs = options.copyMs ?? Number.POSITIVE_INFINITY
    if (options.withoutCoherence !== true) this.coherence = this.#coherence()
    if (options.withoutLeases !== true) this.leases = this.#leases()
  }

  /** From now on requests take effect only when the test says so, in their order. */
  holdSent(): void {
    this.#holdsSent = true
  }

  /** From now on nothing arrives before the test says so. */
  holdHeard(): void {
    this.#holdsHeard = true
  }

  /** Requests that have not taken effect, by name. */
  get sent(): readonly string[] {
    return this.#outbox.map(({ name }) => name)
  }

  /** What has not arrived, by name. */
  get coming(): readonly string[] {
    return this.#inbox.map(({ name }) => name)
  }

  /** The oldest request takes effect. */
  carryOut(): void {
    this.#outbox.shift()?.arrive()
  }

  /** The oldest message arrives. */
  hear(): void {
    const message = this.#inbox.shift()
    if (message === undefined) return
    this.#heard = Math.max(this.#heard, message.seq)
    message.arrive()
  }

  /** Holds nothing back any more. */
  letGo(): void {
    this.#holdsSent = false
    this.#holdsHeard = false
    while (this.#outbox.length > 0) this.carryOut()
    while (this.#inbox.length > 0) this.hear()
  }

  push(key: string): void {
    if (this.losing || this.#listeners.size === 0) return
    this.#deliver(`told of ${key}`, () => this.tell(key))
  }

  /** Tells of a change, out of order with everything else. */
  tell(key: string): void {
    for (const listener of this.#listeners) listener.changed(key)
  }

  /** The connection was lost and is there again: anything may have changed unheard. */
  reconnect(): void {
    this.#store.forget(this)
    for (const listener of this.#listeners) listener.changedAll()
  }

  /** One heartbeat; the fence moves when it is answered. */
  beat(): Promise<void> {
    return this.#ping()
  }

  get fence(): number {
    return this.beating ? this.#store.clock.now() : this.#fence
  }

  /** Stops the feed: the fence stands still where it is. */
  stall(): void {
    this.#fence = this.#store.clock.now()
    this.beating = false
  }

  async get<T>(key: KeyInput, options?: ReadOptions): Promise<CacheValue<T> | undefined> {
    const text = keyText(key)
    this.#note('get', text)
    return this.#ask('get', text, () => {
      if (this.#store.newer.has(text) && options?.context !== undefined)
        options.context.missReason = 'newer-version'
      return this.#store.read(this, text) as CacheValue<T> | undefined
    })
  }

  async set<T>(key: KeyInput, value: CacheValue<T>): Promise<void> {
    const text = keyText(key)
    this.#note('set', text)
    return this.#ask('set', text, () => this.#store.write(this, text, value))
  }

  async delete(key: KeyInput): Promise<DeleteStatus> {
    const text = keyText(key)
    this.#note('delete', text)
    return this.#ask('delete', text, () => deleteStatus(this.#store.remove(this, text)))
  }

  async getMany<T>(
    keys: Iterable<KeyInput>,
    options?: BatchReadOptions,
  ): Promise<ItemResult<CacheValue<T> | undefined>[]> {
    const texts = Array.from(keys, keyText)
    const order = texts.every(isVersion) ? 'read versions' : 'get'
    this.#note(order, texts.join(','))
    return this.#ask(order, texts.join(','), () =>
      texts.map((text, index) => {
        const context = options?.contexts?.[index]
        if (this.#store.newer.has(text) && context !== undefined)
          context.missReason = 'newer-version'
        return succeeded(this.#store.read(this, text) as CacheValue<T> | undefined)
      }),
    )
  }

  async setMany(entries: Iterable<Entry>): Promise<ItemResult<void>[]> {
    const items = Array.from(entries, ([key, value]) => [keyText(key), value] as const)
    const texts = items.map(([text]) => text)
    const order = texts.every(isVersion) ? 'write versions' : 'set'
    this.#note(order, texts.join(','))
    return this.#ask(order, texts.join(','), () =>
      items.map(([text, value]) => succeeded(this.#store.write(this, text, value))),
    )
  }

  async deleteMany(keys: Iterable<KeyInput>): Promise<ItemResult<DeleteStatus>[]> {
    const texts = Array.from(keys, keyText)
    this.#note('delete', texts.join(','))
    return this.#ask('delete', texts.join(','), () =>
      texts.map((text) => succeeded(deleteStatus(this.#store.remove(this, text)))),
    )
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  stats(): BackendStats {
    return { hits: 0, misses: 0, writes: 0, deletes: 0, errors: 0, dropped: {} }
  }

  close(): Promise<void> {
    this.#closed = true
    this.#store.forget(this)
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Listeners of the feed; 0 once everything that listened has closed. */
  get listeners(): number {
    return this.#listeners.size
  }

  #leases(): Leases {
    const store = this.#store
    const granted = (lease: Lease): Granted => lease as Granted
    const run = <R>(order: Order, key: string, effect: () => R): Promise<R> => {
      this.#note(order, key)
      return this.#ask(order, key, effect)
    }
    return {
      take: <T>(key: KeyInput, request?: LeaseRequest) =>
        run('take', keyText(key), () => store.take(this, keyText(key), request?.over)) as Promise<
          LeaseAnswer<T>
        >,
      fill: <T>(lease: Lease, value: CacheValue<T>) =>
        run('fill', lease.key, () => store.fill(this, granted(lease), value)) as Promise<
          CacheValue<T> | undefined
        >,
      renew: (lease) => run('renew', lease.key, () => store.renew(this, granted(lease))),
      release: (lease) =>
        run('release', lease.key, () => store.release(this, lease.key, granted(lease).token)),
      expire: (key) => run('expire', keyText(key), () => store.expire(this, keyText(key))),
    }
  }

  #coherence(): Coherence {
    const fence = (): number => this.fence
    const mode = (): Coherence['mode'] => this.mode
    return {
      get mode() {
        return mode()
      },
      maxStaleMs: this.maxStaleMs,
      copyMs: this.copyMs,
      get fence() {
        return fence()
      },
      fenceOf: () => this.fence,
      listen: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      barrier: (keys) => {
        this.barriers.push(keys)
        return this.#ping()
      },
      stamp: () => `h1.${this.#heard}`,
      reached: (stamp) => this.mode === 'tracking' && this.#heard >= Number(stamp.slice(3)),
    }
  }

  /** One round trip for all who ask in one tick. */
  #ping(): Promise<void> {
    if (this.copyMs !== Number.POSITIVE_INFINITY) {
      return Promise.reject(
        new CacheError('UNSUPPORTED', 'changes are not told', { details: { feature: 'barrier' } }),
      )
    }
    this.#nextPing ??= Promise.resolve().then(() => {
      this.#nextPing = undefined
      this.pings += 1
      const sentAt = this.#store.clock.now()
      return this.#ask('ping', '', () => undefined).then(() => {
        this.#fence = Math.max(this.#fence, sentAt)
      })
    })
    return this.#nextPing
  }

  #note(order: Order, key: string): void {
    if (isVersion(key)) this.versionCalls.push(`${order} ${key}`)
    else this.calls.push(`${order} ${key}`)
  }

  #ask<R>(order: Order, key: string, effect: () => R): Promise<R> {
    if (this.#closed) return Promise.reject(closed(this.label))
    const trouble = this.trouble(order, key)
    if (trouble === 'fails') return Promise.reject(failure(this.label, order))
    this.#numbers += 1
    const name = `${order} ${this.#numbers}`
    return new Promise((resolve, reject) => {
      this.#send(name, () => {
        if (trouble === 'hangs') return
        const result = effect()
        this.#deliver(`answer of ${name}`, () => {
          if (trouble === undefined) resolve(result)
          else reject(failure(this.label, order))
        })
      })
    })
  }

  #send(name: string, arrive: () => void): void {
    if (this.#holdsSent) this.#outbox.push({ name, arrive })
    else arrive()
  }

  #deliver(name: string, arrive: () => void): void {
    this.#inbox.push({ name, seq: this.#store.seq, arrive })
    if (this.#arriving) return
    this.#arriving = true
    queueMicrotask(() => {
      this.#arriving = false
      while (!this.#holdsHeard && this.#inbox.length > 0) this.hear()
    })
  }
}

function isVersion(key: string): boolean {
  return key.startsWith('::')
}

function failure(source: string, order: Order): CacheError<'BACKEND_FAILED'> {
  const operation = order === 'get' || order === 'take' ? 'read' : 'write'
  return new CacheError('BACKEND_FAILED', 'scripted failure', { details: { source, operation } })
}

function closed(source: string): CacheError<'CLOSED'> {
  return new CacheError('CLOSED', `"${source}" is closed`, { details: { source } })
}
