export { compose, type ComposeArguments } from './compose.ts'
export type { ComposeOptions, LoserPolicy, ReadPolicy, WritePolicy } from './compose-options.ts'
export {
  type OffloadManager,
  offloadManager,
  type OffloadOptions,
  type OffloadStats,
} from './offload-manager.ts'
export { type ChangeGuard, tierGuard, type TierGuard } from './tier-guard.ts'
