export { compose, type ComposeArguments } from './compose.ts'
export type { ComposeOptions, LoserPolicy, ReadPolicy, WritePolicy } from './compose-options.ts'
export {
  type OffloadManager,
  offloadManager,
  type OffloadOptions,
  type OffloadStats,
} from './offload-manager.ts'
export { type ChangeGuard, tierGuard, type TierGuard } from './tier-guard.ts'
export { borrowed } from './layer/borrowed.ts'
export { type CircuitBreakerOptions, withCircuitBreaker } from './layer/with-circuit-breaker.ts'
export { type ConcurrencyOptions, withConcurrency } from './layer/with-concurrency.ts'
export { type DeadlineOptions, withDeadline } from './layer/with-deadline.ts'
