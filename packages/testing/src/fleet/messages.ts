import type { HistoryEvent } from '../history/event.ts'
import { keyAt } from './program.ts'
import type { FleetMix, FleetOperation, WriteWindow } from './workload.ts'

/** All that a process needs to know to be an instance. */
export interface InstanceConfig {
  readonly program: string
  /** As JSON. */
  readonly settings: string
  readonly seed: number
  readonly instance: number
  /** How often the instance was started before. */
  readonly life: number
  readonly instances: number
  readonly callers: number
  readonly keys: number
  readonly mix: FleetMix
  readonly maxPauseMs: number
  readonly windows: readonly WriteWindow[]
  readonly maxStaleMs: number
  readonly deadlineMs: number
  readonly clockOffsetMs: number
  readonly cacheUrl: string
  /** Path of the source's unix socket. */
  readonly source: string
}

/** What a fleet tells an instance. */
export type ToInstance =
  | { readonly type: 'prepare'; readonly config: InstanceConfig }
  /** `startedAt` is the start of the run, in machine time. */
  | { readonly type: 'go'; readonly startedAt: number }
  | { readonly type: 'block-loop'; readonly forMs: number }
  /** Without `forMs`, they hang for ever. */
  | { readonly type: 'hang-loader'; readonly loads: number; readonly forMs?: number }
  | { readonly type: 'stop' }

/** What an instance tells its fleet. */
export type FromInstance =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly message: string }
  | {
      readonly type: 'batch'
      readonly events: readonly PackedEvent[]
      readonly calls: readonly PackedCall[]
    }
  | { readonly type: 'done'; readonly stats: Readonly<Record<string, number>> }

/** What is measured: operations, and the end. */
export type FleetCall = FleetOperation | 'close'

/** One call: its name, the code of its error or nothing, and how long it took by the instance's time and by the machine's. */
export type PackedCall = readonly [call: FleetCall, code: string, ownMs: number, wallMs: number]

type PackedKind = 'strong' | 'bounded' | 'acknowledged' | 'unacknowledged'

/** An event without what the fleet knows. */
export type PackedEvent = readonly [
  kind: PackedKind,
  caller: number,
  key: number,
  startedAt: number,
  endedAt: number,
  version: number,
]

export function packEvent(event: HistoryEvent, caller: number): PackedEvent {
  const { key, startedAt, endedAt, version } = event
  return [kindOf(event), caller, Number(key.slice(1)), startedAt, endedAt, version]
}

function kindOf(event: HistoryEvent): PackedKind {
  if (event.type === 'read') return event.demand === 'strong' ? 'strong' : 'bounded'
  return event.acknowledged ? 'acknowledged' : 'unacknowledged'
}

/** @param from - Names the process. */
export function unpackEvent(packed: PackedEvent, from: string, maxStaleMs: number): HistoryEvent {
  const [kind, number, index, startedAt, endedAt, version] = packed
  const common = { caller: `${from}/${number}`, key: keyAt(index), startedAt, endedAt, version }
  switch (kind) {
    case 'strong':
      return { type: 'read', ...common, demand: 'strong' }
    case 'bounded':
      return { type: 'read', ...common, demand: { maxStaleMs } }
    default:
      return { type: 'invalidate', ...common, acknowledged: kind === 'acknowledged' }
  }
}
