import type { Wanted } from '../programs/open-contender.ts'

/** What the process of one contender does. JSON, since it travels as an argument. */
export interface Plan {
  /** The contender; `undefined` answers at once. */
  readonly wanted?: Wanted | undefined
  readonly host: string
  readonly port: number
  readonly seed: number
  readonly ratePerSecond: number
  readonly lengthMs: number
  readonly drainMs: number
  /** Only calls due from this moment on are counted. */
  readonly countFromMs: number
  readonly keys: number
  readonly l1Entries: number
  readonly loadMs: number
}

/** What callers of one contender saw under one condition. */
export interface LoadSummary {
  readonly calls: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly errors: number
  readonly unfinished: number
  /** The most frequent one. */
  readonly errorMessage?: string | undefined
}

/** The two things its process is asked for, in this order: to be warm, and to make the calls. */
export type LoadQuestion = { readonly warm: Plan } | { readonly go: true }
