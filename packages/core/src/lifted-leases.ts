import type { StoreWrite } from './backend.ts'
import { chain, isPromise, type MaybePromise } from './maybe-promise.ts'
import type { Context } from './context.ts'
import { envelopeId } from './envelope/tail.ts'
import type { Operation } from './errors.ts'
import { type KeyInput, keyText } from './key/cache-key.ts'
import type { StoreKey } from './key/key-format.ts'
import type {
  Lease,
  LeaseAnswer,
  LeasePort,
  LeaseRequest,
  Leases,
  StoreLease,
  StoreLeaseAnswer,
} from './lease.ts'
import type { StoredValues } from './stored-values.ts'
import { type CacheValue, normalizeValue } from './value.ts'

/** What the lift does for leases as it does for reads and writes. */
export interface LeaseHost<Key> {
  storeKey(text: string): Key
  attempt<R>(operation: Operation, text: string, run: () => MaybePromise<R>): MaybePromise<R>
  written(text: string, bytes: number): void
}

class LiftedLease<Key> implements Lease {
  readonly key: string
  readonly leaseMs: number
  readonly storeKey: Key
  readonly inner: StoreLease

  constructor(key: string, storeKey: Key, inner: StoreLease) {
    this.key = key
    this.storeKey = storeKey
    this.inner = inner
    this.leaseMs = inner.leaseMs
  }
}

/** Each try replaces something else that stood in the way; who changes a key faster than that has it. */
const MOST_TRIES = 4

/** The leases of a store, on values. */
export class LiftedLeases<Key extends StoreKey> implements Leases {
  readonly #port: LeasePort<Key>
  readonly #values: StoredValues<Key>
  readonly #host: LeaseHost<Key>

  constructor(port: LeasePort<Key>, values: StoredValues<Key>, host: LeaseHost<Key>) {
    this.#port = port
    this.#values = values
    this.#host = host
  }

  take<T>(key: KeyInput, request: LeaseRequest = {}): MaybePromise<LeaseAnswer<T>> {
    const text = keyText(key)
    const { over, context } = request
    return this.#host.attempt('read', text, () => {
      const storeKey = this.#host.storeKey(text)
      const replaces = typeof over === 'object' ? (over.meta?.id ?? 'nothing') : over
      return this.#take<T>(storeKey, text, replaces ?? 'nothing', context, MOST_TRIES)
    })
  }

  fill<T>(lease: Lease, value: CacheValue<T>): MaybePromise<CacheValue<T> | undefined> {
    const { key: text, storeKey, inner } = lease as LiftedLease<Key>
    const entry = normalizeValue(value)
    return this.#host.attempt('write', text, () => {
      const giveUp = async (error: unknown): Promise<never> => {
        try {
          await this.release(lease)
        } catch {
          // Counted and told; what is wrong with the value is what the caller must learn.
        }
        throw error
      }
      const store = async (write: StoreWrite | undefined): Promise<CacheValue<T> | undefined> => {
        if (write === undefined) {
          await this.#port.release(storeKey, inner)
          return undefined
        }
        if (!(await this.#port.fill(storeKey, inner, write))) return undefined
        this.#host.written(text, write.bytes.length)
        return { ...entry, meta: { ...entry.meta, id: envelopeId(write.bytes) } }
      }
      let encoded: MaybePromise<StoreWrite | undefined>
      try {
        encoded = this.#values.encode(storeKey, text, entry)
      } catch (error) {
        return giveUp(error)
      }
      return isPromise(encoded) ? encoded.then(store, giveUp) : store(encoded)
    })
  }

  renew(lease: Lease): MaybePromise<boolean> {
    const { key, storeKey, inner } = lease as LiftedLease<Key>
    return this.#host.attempt('write', key, () => this.#port.renew(storeKey, inner))
  }

  release(lease: Lease): MaybePromise<void> {
    const { key, storeKey, inner } = lease as LiftedLease<Key>
    return this.#host.attempt('write', key, () => this.#port.release(storeKey, inner))
  }

  expire(key: KeyInput): MaybePromise<boolean> {
    const text = keyText(key)
    return this.#host.attempt('write', text, () => this.#port.expire(this.#host.storeKey(text)))
  }

  #take<T>(
    storeKey: Key,
    text: string,
    over: 'nothing' | 'anything' | number | Uint8Array,
    context: Context | undefined,
    tries: number,
  ): MaybePromise<LeaseAnswer<T>> {
    const judge = (answer: StoreLeaseAnswer): MaybePromise<LeaseAnswer<T>> => {
      if (answer.is === 'held') return answer
      if (answer.is === 'granted') {
        return { is: 'granted', lease: new LiftedLease(text, storeKey, answer.lease) }
      }
      const { read } = answer
      const id = envelopeId(read.bytes)
      return chain(this.#values.decode<T>(storeKey, text, read, context), (value) => {
        if (typeof value !== 'string') return { is: 'found', value }
        if (value === 'newer-version' || tries === 1) {
          return { is: 'refused', reason: value }
        }
        const known = id !== undefined && value !== 'corrupt' && value !== 'truncated'
        // The bytes may be a view that does not outlive this turn; that they are broken is known in it.
        const found = known ? id : read.bytes.slice()
        return this.#take<T>(storeKey, text, found, context, tries - 1)
      })
    }
    return this.#port.take(storeKey, over).then(judge)
  }
}
