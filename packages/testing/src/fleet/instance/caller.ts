import { type HistoryRecorder, historyRecorder } from '../../history/recorder.ts'
import { packEvent } from '../messages.ts'
import { type FleetDemand, type ProgramUnderTest, tagOfKey } from '../program.ts'
import type { FleetOperation, FleetStep } from '../workload.ts'
import type { Calls } from './calls.ts'
import type { KeySpace } from './key-space.ts'
import type { KeyLocks } from './key-locks.ts'
import type { Outbox } from './outbox.ts'
import type { Source } from './source.ts'

/** What the callers of an instance share. */
export interface CallerPlace {
  readonly program: ProgramUnderTest
  readonly source: Source
  readonly keys: KeySpace
  readonly locks: KeyLocks
  readonly calls: Calls
  readonly outbox: Outbox
  readonly maxStaleMs: number
}

/** One of those who call at the same time: takes one step after the other, and records what it saw. */
export class Caller {
  readonly #place: CallerPlace
  readonly #recorder: HistoryRecorder

  constructor(number: number, place: CallerPlace) {
    this.#place = place
    this.#recorder = historyRecorder(String(number), (event) =>
      place.outbox.event(packEvent(event, number)),
    )
  }

  /** Never rejects for what the program does: that is counted. */
  async take({ operation, picks }: FleetStep): Promise<void> {
    const [pick = 0] = picks
    switch (operation) {
      case 'read-strong':
      case 'read-bounded':
        return this.#read(demandOf(operation), picks)
      case 'read-many-strong':
      case 'read-many-bounded':
        return this.#readMany(demandOf(operation), picks)
      case 'invalidate':
        return this.#invalidate(pick)
      case 'invalidate-tag':
        return this.#invalidateTag(pick)
      case 'set':
        return this.#set(pick)
      case 'expire':
        return this.#expire(pick)
      default:
        throw new Error(`no such operation: ${String(operation satisfies never)}`)
    }
  }

  async #read(demand: FleetDemand, picks: readonly number[]): Promise<void> {
    const { calls, program } = this.#place
    const [key] = this.#place.keys.readable(picks)
    if (key === undefined) return
    await calls.make(`read-${demand}`, (settle) =>
      this.#recorder.read(key, this.#demand(demand), () =>
        settle(async () => asVersion(await program.read(key, demand))),
      ),
    )
  }

  async #readMany(demand: FleetDemand, picks: readonly number[]): Promise<void> {
    const { calls, program } = this.#place
    if (program.readMany === undefined) return this.#read(demand, picks)
    const keys = this.#place.keys.readable(picks)
    await calls.make(`read-many-${demand}`, (settle) =>
      this.#recorder.readMany(keys, this.#demand(demand), () =>
        settle(async () => ((await program.readMany?.(keys, demand)) ?? []).map(asVersion)),
      ),
    )
  }

  async #invalidate(pick: number): Promise<void> {
    const { keys, program } = this.#place
    const owned = keys.owned()
    const possible = [...keys.shared(), ...owned]
    const key = possible[pick % possible.length]
    if (key === undefined) return this.#read('strong', [pick])
    const write = (): Promise<void> =>
      this.#change('invalidate', [key], () => program.invalidate(key))
    return owned.includes(key) ? this.#place.locks.hold(key, write) : write()
  }

  async #invalidateTag(pick: number): Promise<void> {
    const { keys, program } = this.#place
    const shared = keys.shared()
    const key = shared[pick % shared.length]
    if (key === undefined || program.invalidateTag === undefined) return this.#invalidate(pick)
    const tag = tagOfKey(key)
    const tagged = shared.filter((other) => tagOfKey(other) === tag)
    return this.#change('invalidate-tag', tagged, async () => program.invalidateTag?.(tag))
  }

  async #set(pick: number): Promise<void> {
    const { keys, program } = this.#place
    const owned = keys.owned()
    const key = owned[pick % owned.length]
    if (key === undefined || program.set === undefined) return this.#invalidate(pick)
    // What is set must be in the order of the source, so nobody else writes this key meanwhile.
    return this.#place.locks.hold(key, () =>
      this.#change('set', [key], async ({ [key]: version = 0 }) => program.set?.(key, version)),
    )
  }

  async #expire(pick: number): Promise<void> {
    const { calls, keys, program } = this.#place
    const [key] = keys.readable([pick])
    if (key === undefined || program.expire === undefined) return this.#read('bounded', [pick])
    await calls.make('expire', (settle) => settle(async () => program.expire?.(key)))
  }

  /** Writes the source, and then does to the cache what makes it known. */
  async #change(
    operation: FleetOperation,
    keys: readonly string[],
    call: (versions: Readonly<Record<string, number>>) => unknown,
  ): Promise<void> {
    const { calls, source } = this.#place
    const pairs = keys.map(async (key) => [key, await source.write(key)] as const)
    const versions = Object.fromEntries(await Promise.all(pairs))
    await calls.make(operation, (settle) =>
      this.#recorder.invalidate(versions, () => settle(async () => call(versions))),
    )
  }

  #demand(demand: FleetDemand): 'strong' | { readonly maxStaleMs: number } {
    return demand === 'strong' ? demand : { maxStaleMs: this.#place.maxStaleMs }
  }
}

function demandOf(operation: FleetOperation): FleetDemand {
  return operation.endsWith('strong') ? 'strong' : 'bounded'
}

/** A program that gives something else has failed, and the history has no use for it. */
function asVersion(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw Object.assign(new Error('the program gave no version'), { code: 'NO_VERSION' })
}
