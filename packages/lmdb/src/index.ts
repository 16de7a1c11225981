export { lmdbBackend } from './lmdb-backend.ts'
export type { LmdbBackendOptions } from './options.ts'
