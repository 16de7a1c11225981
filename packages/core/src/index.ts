export type { Backend, StoreRead, StoreWrite } from './backend.ts'
export { failed, type ItemResult, settleEach, succeeded, unwrap } from './batch.ts'
export type {
  BackendStats,
  BatchReadOptions,
  CacheBackend,
  Entry,
  ReadOptions,
} from './cache-backend.ts'
export { CheapTime } from './cheap-time.ts'
export { type Clock, systemClock, type Timer } from './clock.ts'
export type { ChangeListener, Changes, Coherence, CoherenceMode, Feed } from './coherence.ts'
export { type Compressor, identityCompressor } from './compressor.ts'
export { type Context, createContext } from './context.ts'
export { Deadlines } from './deadline.ts'
export { type DeleteStatus, deleteStatus } from './delete-status.ts'
export {
  days,
  type Duration,
  type DurationInput,
  forever,
  hours,
  milliseconds,
  minutes,
  seconds,
  toDuration,
  toTimeout,
} from './duration.ts'
export { type Envelope, openEnvelope, tellsAge } from './envelope/open.ts'
export { type EnvelopeFacts, sealEnvelope } from './envelope/seal.ts'
export { envelopeId, hasEpoch, hasLease, putEpoch } from './envelope/tail.ts'
export {
  type AnyCacheError,
  CacheError,
  type CacheErrorCode,
  type CacheErrorDetails,
  type Operation,
  type TierFailure,
} from './errors.ts'
export { type CacheEvent, type CacheListener, EVENT_CHANNEL, Reporter } from './events.ts'
export type { Format } from './format.ts'
export {
  cacheKey,
  type CacheKey,
  type KeyAtom,
  type KeyInput,
  type KeyPart,
  keyText,
  type KeyTuple,
  parseKeyText,
} from './key/cache-key.ts'
export { compact, hashed, type KeyFormat, type StoreKey, urlEncoded } from './key/key-format.ts'
export { sourcePath, toLabel } from './label.ts'
export type {
  Lease,
  LeaseAnswer,
  LeasePort,
  LeaseRequest,
  Leases,
  StoreLease,
  StoreLeaseAnswer,
} from './lease.ts'
export { LIFT_OPTIONS, liftBackend, type LiftOptions } from './lift.ts'
export { chain, isPromise, type MaybePromise } from './maybe-promise.ts'
export type { DropReason, MissReason } from './miss-reason.ts'
export { closedError, Observer } from './observer.ts'
export type { Offload, OffloadTask } from './offload.ts'
export { invalidOption, knownOptions, oneOf, wholeNumber } from './options.ts'
export {
  type CacheValue,
  cacheValue,
  type Freshness,
  freshness,
  type Lifetime,
  normalizeValue,
  type ValueMeta,
} from './value.ts'
