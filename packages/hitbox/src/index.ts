export type {
  Cache,
  CallOptions,
  DeleteManyReceipt,
  DeleteReceipt,
  ExpireReceipt,
  Get,
  GetOrLoad,
  Namespace,
  NamespaceOptions,
  Peek,
  ReadOptions,
  WriteOptions,
} from './cache.ts'
export type {
  BatchLoad,
  BatchOptions,
  GetMany,
  GetOrLoadMany,
  KeyedBatchOptions,
  Settled,
} from './batch/batch-api.ts'
export type { Explanation, TierExplanation } from './explanation.ts'
export type { Answer, CallContext } from './call-context.ts'
export { type CacheOptions, createCache } from './create-cache.ts'
export { type DefinedCache, type DefinedWhole, defineCache } from './define/define-cache.ts'
export type {
  Definition,
  Entries,
  EntriesOf,
  Fits,
  InputArgs,
  InputOf,
  LoadedEntries,
  TagOf,
  ValueOf,
} from './define/definition.ts'
export type { BatchContext, BatchLoader, BatchResult } from './batch/batch-load.ts'
export type { HitboxEvent, HitboxListener, RequestEvent } from './events.ts'
export type { Fresh, Receipt } from './fresh.ts'
export type { LoadContext } from './flight/loading.ts'
export type { CachedFunction, FnOptions } from './function/cached-function.ts'
export type { CacheStats, Outcome } from './ledger.ts'
export type { LifeInput, PolicyOptions } from './policy.ts'
export type { StandardSchema } from './schema.ts'
export type { State } from './state/state.ts'
export {
  borrowed,
  compose,
  offloadManager,
  withCircuitBreaker,
  withConcurrency,
  withDeadline,
} from '@hitbox/composition'
export {
  CacheError,
  cacheKey,
  type Clock,
  type DurationInput,
  forever,
  type KeyInput,
} from '@hitbox/core'
export { memoryBackend } from '@hitbox/memory'
