export { type Deferred, deferred } from './deferred.ts'
export { type ManualClock, manualClock, type ManualClockOptions } from './manual-clock.ts'
export {
  type AclUser,
  type RedisOptions,
  type RedisServer,
  startRedis,
} from './servers/redis-server.ts'
export type { CommandWord, Reply } from './servers/resp.ts'
export type { TlsFiles } from './servers/tls-files.ts'
export { until, type UntilOptions } from './until.ts'
export {
  type RedisCluster,
  type RedisClusterOptions,
  startRedisCluster,
} from './servers/redis-cluster.ts'
export {
  type RedisSentinel,
  type RedisSentinelOptions,
  startRedisSentinel,
} from './servers/redis-sentinel.ts'
export type { Direction, Fault } from './proxy/fault.ts'
export { type FaultProxy, faultProxy, type ProxyTarget } from './proxy/fault-proxy.ts'
export type { WireStats } from './proxy/wire-counts.ts'
export { backendContract } from './contract/backend-contract.ts'
export type {
  BackendCapabilities,
  BackendCapability,
  BackendCase,
  BackendOpenOptions,
  BackendSubject,
  CommandMeter,
  FaultControls,
  RawAccess,
} from './contract/backend-subject.ts'
export type { ContractCase, ContractSubject, Reason } from './contract/contract-case.ts'
export {
  casesFor,
  type ContractReport,
  contractReport,
  type NotApplicable,
} from './contract/report.ts'
export { expectNoLeaks, type NoLeaksOptions } from './expect-no-leaks.ts'
export {
  type BackendChaosPlan,
  type BackendOperation,
  type ChaosBackend,
  chaosBackend,
} from './chaos/chaos-backend.ts'
export {
  type ChaosStore,
  chaosStore,
  type StoreChaosPlan,
  type StoreOperation,
} from './chaos/chaos-store.ts'
export { type ChaosControls, ChaosError, type ChaosOptions } from './chaos/disturber.ts'
export {
  type ChaosCall,
  type ChaosPlan,
  type Corruption,
  type Disturbance,
  seededChaos,
} from './chaos/plan.ts'
export { formatContract } from './contract/format-contract.ts'
export type {
  FormatCapabilities,
  FormatCapability,
  FormatCase,
  FormatSubject,
} from './contract/format-subject.ts'
export { VALUE_KINDS, type ValueKind } from './contract/format/value-kinds.ts'
export {
  type CompressorCapabilities,
  type CompressorCapability,
  type CompressorCase,
  compressorContract,
  type CompressorSubject,
} from './contract/compressor-contract.ts'
