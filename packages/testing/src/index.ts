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
export {
  checkHistory,
  type CheckHistoryOptions,
  type HistoryReport,
  type HistoryRule,
  type HistoryViolation,
} from './history/check-history.ts'
export type { HistoryEvent, HistoryInvalidation, HistoryRead } from './history/event.ts'
export { machineTime } from './history/machine-time.ts'
export { type HistoryRecorder, historyRecorder } from './history/recorder.ts'
export type { Staleness } from './history/staleness.ts'
export type { FleetCallReport, FleetInstanceReport } from './fleet/collector.ts'
export type { InjectedFault } from './fleet/fault-injector.ts'
export { FLEET_FAULTS } from './fleet/fault-plan.ts'
export type { FleetFault, FleetFaultName } from './fleet/fleet-fault.ts'
export type { FleetCall } from './fleet/messages.ts'
export type { FleetOptions, FleetPlanOptions } from './fleet/options.ts'
export { type FleetPlan, planFleet } from './fleet/plan-fleet.ts'
export {
  type FleetDemand,
  type ProgramEnv,
  type ProgramUnderTest,
  type StartProgram,
  tagOfKey,
} from './fleet/program.ts'
export { describeFleet, type FleetReport } from './fleet/report.ts'
export { runFleet } from './fleet/run-fleet.ts'
export type { FleetMix, FleetOperation, FleetStep, WriteWindow } from './fleet/workload.ts'
