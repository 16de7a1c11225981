import type { Table } from '../contract.ts'
import type { Machine } from './machine.ts'

/** All of a run, as `results.json` keeps it. */
export interface Report {
  /** ISO 8601. */
  readonly date: string
  readonly machine: Machine
  /** Of the contenders' packages, and of node, V8 and the Redis server. */
  readonly versions: Readonly<Record<string, string>>
  /** What the run was asked for. */
  readonly arguments: readonly string[]
  readonly rounds: number
  readonly quick: boolean
  /** Processes that wanted to run, over the minute before the run and before its end. */
  readonly loadAverage: { readonly start: number; readonly end: number }
  readonly seconds: number
  /** Variants and the options that matter. */
  readonly contenders: Readonly<Record<string, string>>
  readonly cases: readonly CaseReport[]
}

export interface CaseReport {
  readonly name: string
  readonly title: string
  readonly seconds: number
  readonly tables: readonly Table[]
  /** Why there are no tables. */
  readonly failure?: string | undefined
}
