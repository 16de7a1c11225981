/**
 * What befalls a fleet:
 * - `'kill-connection'`: an instance's connections are reset.
 * - `'stall-to-client'`, `'stall-to-server'`: bytes between an instance and the cache wait, one way; they go on afterwards.
 * - `'black-hole'`: the same both ways, for new connections too.
 * - `'jitter'`: pieces of replies are late, each by another time, in order.
 * - `'cut-after-bytes'`: connections close after some bytes from the cache, in the middle of a reply as a rule.
 * - `'stop-instance'`: an instance is frozen, and goes on.
 * - `'block-loop'`: an instance computes and hears nothing meanwhile.
 * - `'kill-instance'`: an instance is killed, and started again.
 * - `'hang-loader'`: an instance's next loads have read the source and do not answer, for a while or for ever.
 * - `'kill-redis'`: the cache is killed, and comes back empty.
 * - `'restart-from-snapshot'`: the cache is killed, and comes back with what it held a while before.
 * - `'failover'`: a replica that lags behind takes over from a cache that is killed.
 * - `'jump-clock'`: the instances' clocks are told to differ, by an hour at most, all the time.
 */
export type FleetFaultName =
  | 'kill-connection'
  | 'stall-to-client'
  | 'stall-to-server'
  | 'black-hole'
  | 'jitter'
  | 'cut-after-bytes'
  | 'stop-instance'
  | 'block-loop'
  | 'kill-instance'
  | 'hang-loader'
  | 'kill-redis'
  | 'restart-from-snapshot'
  | 'failover'
  | 'jump-clock'

/** A fault with its time, in ms since the start of the run. */
export interface FleetFault {
  readonly name: FleetFaultName
  readonly at: number
  /** From what is felt first to the end; for a frozen or killed thing, how long it is gone. */
  readonly forMs: number
  /** Whom it befalls; nobody in particular when it is the cache. */
  readonly instance?: number
  /** Of `'jitter'`: the most that a piece is late. */
  readonly jitterMs?: number
  /** Of `'cut-after-bytes'`. */
  readonly bytes?: number
  /** Of `'hang-loader'`: how many loads hang. */
  readonly loads?: number
  /** Of `'hang-loader'`: they never answer. */
  readonly forever?: boolean
  /** Of a restart from a snapshot and of a failover: how much is lost, before what is felt. */
  readonly lagMs?: number
}
