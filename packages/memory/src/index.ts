export type { EvictionPolicy } from './eviction/policies.ts'
export { memoryBackend, type MemoryBackend } from './memory-backend.ts'
export type {
  MemoryBackendOptions,
  MemoryByBytes,
  MemoryByEntries,
  MemoryEncoded,
  MemoryOptions,
  SizeOf,
} from './options.ts'
