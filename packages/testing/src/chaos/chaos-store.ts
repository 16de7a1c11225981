import {
  type Backend,
  chain,
  type DeleteStatus,
  type MaybePromise,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
} from '@hitbox/core'
import { type ChaosControls, type ChaosOptions, Disturber } from './disturber.ts'
import type { ChaosPlan, Corruption, Disturbance } from './plan.ts'

/** Verbs of a store that chaos can disturb. */
export type StoreOperation = 'read' | 'write' | 'remove'

/** A corruption only means something for a read; other verbs pass. */
export type StoreChaosPlan = ChaosPlan<StoreOperation, Disturbance | Corruption>

/** A store in which things go wrong, as planned. */
export interface ChaosStore<Key extends StoreKey = string> extends Backend<Key>, ChaosControls {}

/**
 * Wraps a store so that its calls fail, hang or are late, and the bytes it gives are not those that were written.
 * It has no batch verbs: a lifted batch is then one call for each key, and the plan is asked for each.
 *
 * @param plan - Asked for each call; or one fault for all calls.
 * @example
 * ```ts
 * import { type Backend, type CacheBackend, liftBackend } from '@hitbox/core'
 * import { chaosStore } from '@hitbox/testing'
 *
 * export const rotten = (store: Backend): CacheBackend => liftBackend(chaosStore(store, 'flip'))
 * ```
 */
export function chaosStore<Key extends StoreKey = string>(
  inner: Backend<Key>,
  plan: StoreChaosPlan | Disturbance | Corruption,
  options: ChaosOptions = {},
): ChaosStore<Key> {
  const decide: StoreChaosPlan = typeof plan === 'function' ? plan : () => plan
  return new DisturbedStore(inner, decide, options)
}

class DisturbedStore<Key extends StoreKey> implements ChaosStore<Key> {
  readonly label: string
  readonly keyFormat: Backend<Key>['keyFormat']
  readonly valueFormat: Backend<Key>['valueFormat']
  readonly compressor: Backend<Key>['compressor']
  readonly layout: Backend<Key>['layout']
  readonly #inner: Backend<Key>
  readonly #plan: StoreChaosPlan
  readonly #disturber: Disturber
  #before: StoreRead | undefined

  constructor(inner: Backend<Key>, plan: StoreChaosPlan, options: ChaosOptions) {
    this.label = inner.label
    this.keyFormat = inner.keyFormat
    this.valueFormat = inner.valueFormat
    this.compressor = inner.compressor
    this.layout = inner.layout
    this.#inner = inner
    this.#plan = plan
    this.#disturber = new Disturber(options)
  }

  get hanging(): number {
    return this.#disturber.hanging
  }

  get calls(): number {
    return this.#disturber.calls
  }

  release(): void {
    this.#disturber.release()
  }

  storeTime(key: Key): number | undefined {
    return this.#inner.storeTime?.(key)
  }

  read(key: Key): MaybePromise<StoreRead | undefined> {
    return this.#call('read', (corruption) =>
      chain(this.#inner.read(key), (stored) => {
        const before = this.#before
        // Copied, since a store may reuse the buffer.
        this.#before = stored && { ...stored, bytes: Uint8Array.from(stored.bytes) }
        if (stored === undefined || corruption === undefined) return stored
        return corruption === 'swap' ? (before ?? stored) : corrupted(stored, corruption)
      }),
    )
  }

  write(key: Key, entry: StoreWrite): MaybePromise<void> {
    return this.#call('write', () => this.#inner.write(key, entry))
  }

  remove(key: Key): MaybePromise<DeleteStatus> {
    return this.#call('remove', () => this.#inner.remove(key))
  }

  async ready(timeoutMs: number): Promise<void> {
    await this.#inner.ready?.(timeoutMs)
  }

  async close(): Promise<void> {
    await this.#inner.close?.()
  }

  #call<R>(
    operation: StoreOperation,
    run: (corruption: Corruption | undefined) => MaybePromise<R>,
  ): MaybePromise<R> {
    const fault = this.#plan({ operation, index: this.#disturber.count() })
    if (fault === undefined || isCorruption(fault)) return run(fault)
    return this.#disturber.disturb(fault, () => run(undefined))
  }
}

function isCorruption(fault: Disturbance | Corruption): fault is Corruption {
  return fault === 'truncate' || fault === 'flip' || fault === 'swap'
}

/** Cut in the middle, or with the lowest bit of the middle byte flipped. */
function corrupted(stored: StoreRead, how: 'truncate' | 'flip'): StoreRead {
  const middle = stored.bytes.length >> 1
  if (how === 'truncate') return { ...stored, bytes: stored.bytes.subarray(0, middle) }
  const bytes = Uint8Array.from(stored.bytes)
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  return { ...stored, bytes }
}
