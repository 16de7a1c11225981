import type { DeleteReceipt, ExpireReceipt } from '../cache.ts'
import type { Receipt } from '../fresh.ts'
import type { KeyInput } from '@hitbox/core'
import type { Settled } from '../batch/batch-api.ts'
import type { BatchLoader } from '../batch/batch-load.ts'
import type { Answer } from '../call-context.ts'
import type { Loader } from '../flight/loading.ts'
import type { FnOptions } from './cached-function.ts'

/** Calls by keys that somebody else makes, under a policy of their own: what cached functions and definitions stand on. */
export interface Keyed<T> {
  /** A fresh value that can be handed out at once, counted. */
  hit(key: string): { readonly data: unknown } | undefined
  /** @param tags - Those of this value, over those of the policy. */
  load(key: string, load: Loader<T>, tags: readonly string[] | undefined): Promise<T>
  answer(key: string, load: Loader<T>, tags: readonly string[] | undefined): Promise<Answer<T>>
  many<Input>(
    inputs: Iterable<Input>,
    load: BatchLoader<Input>,
    options: {
      readonly key: (input: Input) => KeyInput
      readonly tags: ((input: Input) => readonly string[]) | undefined
    },
  ): Promise<Settled<T>[]>
  get(key: string): Promise<T | undefined>
  peek(key: string): T | undefined
  has(key: string): Promise<boolean>
  set(key: string, value: T, tags: readonly string[] | undefined): Promise<Receipt>
  delete(key: string): Promise<DeleteReceipt>
  expire(key: string): Promise<ExpireReceipt>
}

/** What hands them out: every cache and namespace, though their interfaces do not tell. */
export interface KeyedSource {
  /** @throws {@link CacheError} `INVALID_OPTION` when the name is taken, or an option cannot be used. */
  keyed<T>(name: string, options: FnOptions<never, T>, loads: boolean): Keyed<T>
}
