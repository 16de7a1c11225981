/** How current a read must be. What `'bounded'` allows is {@link ProgramEnv.maxStaleMs}. */
export type FleetDemand = 'strong' | 'bounded'

/** What an instance of a fleet gives to its program. */
export interface ProgramEnv {
  /** The one Redis of all instances, reached through this instance's own proxy, which breaks. */
  readonly cacheUrl: string
  /** Counted from 0. */
  readonly instance: number
  /** As given to {@link runFleet}, after a passage through JSON. */
  readonly settings: unknown
  /** How old bounded reads may be, in ms. */
  readonly maxStaleMs: number
  /** How long a call may take, in ms. */
  readonly deadlineMs: number
  /** What to add to the machine's wall clock, in ms: 0 unless the fault `'jump-clock'` is asked for. */
  readonly clockOffsetMs: number
  /**
   * Reads the source: gives the version that it had when it was asked, and takes some ms, as a database does.
   *
   * @param signal - Ends the wait; rejects with its reason.
   */
  readonly load: (key: string, signal?: AbortSignal) => Promise<number>
}

/**
 * A cache as one instance of a fleet has it. Values are the versions that {@link ProgramEnv.load} gave. What is optional is
 * tried when it is there, and replaced by a plainer call when it is not.
 */
export interface ProgramUnderTest {
  /** The version of a key, from wherever the program has it. */
  read(key: string, demand: FleetDemand): Promise<number>
  /** In the order of the keys. */
  readMany?(keys: readonly string[], demand: FleetDemand): Promise<readonly number[]>
  /** Rejects when it is not certain that it is obeyed from now on. */
  invalidate(key: string): Promise<void>
  /** The same for all keys whose {@link tagOfKey} it is. */
  invalidateTag?(tag: string): Promise<void>
  /** Puts what was just written into the source, instead of an invalidation. */
  set?(key: string, version: number): Promise<void>
  /** Makes a value look old. Promises nothing, so it is a disturbance only. */
  expire?(key: string): Promise<void>
  /** Lets go of all that it holds: the process should end by itself afterwards. */
  close(): Promise<void>
  /** Counts, for the report. */
  stats?(): Readonly<Record<string, number>>
}

/** What the module of a program exports, as `start` or as its default. */
export type StartProgram = (env: ProgramEnv) => ProgramUnderTest | Promise<ProgramUnderTest>

const TAGS = 3

/** Name of a fleet's key. */
export function keyAt(index: number): string {
  return `k${index}`
}

/** The one tag of a key of a fleet, such as `'t1'`. */
export function tagOfKey(key: string): string {
  return `t${Number(key.slice(1)) % TAGS}`
}
