export {
  client,
  cluster,
  type ClusterOptions,
  type RedisConnection,
  sentinel,
  type SentinelOptions,
  single,
  type SingleOptions,
} from './connection.ts'
export type { EndpointOptions } from './endpoint.ts'
export type { EpochPolicy } from './epoch.ts'
export type { RedisBackendOptions } from './options.ts'
export { redisBackend } from './redis-backend.ts'
export { rustUrlEncoded } from './rust-key.ts'
export type { RedisClientLike } from './user-line.ts'
