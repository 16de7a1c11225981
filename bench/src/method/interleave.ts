import { setImmediate } from 'node:timers/promises'
import { collectGarbage } from './collect-garbage.ts'

/** One contender's turn. */
export interface Lane {
  readonly name: string
  /** Does one round, and says what it found, one number for each of the columns. */
  round(round: number): Promise<readonly number[]>
}

export interface Interleaved {
  /** By lane: for each column the numbers of the counted rounds. */
  readonly samples: ReadonlyMap<string, readonly (readonly number[])[]>
  /** Lanes that gave up, and why. */
  readonly failures: ReadonlyMap<string, string>
}

/** Rounds before those that count. */
export function warmUpOf(rounds: number): number {
  return rounds >= 5 ? 2 : 1
}

/**
 * Runs all lanes once per round, in turn forwards and backwards, so that what changes on the machine meanwhile meets all alike, and
 * nobody always follows the same one. The first rounds are not counted. A lane that throws is left out from then on.
 */
export async function interleave(lanes: readonly Lane[], rounds: number): Promise<Interleaved> {
  const warmUp = warmUpOf(rounds)
  const samples = new Map<string, number[][]>()
  const failures = new Map<string, string>()
  collectGarbage('major')
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const lane of round % 2 === 0 ? lanes : lanes.toReversed()) {
      if (failures.has(lane.name)) continue
      collectGarbage('minor')
      // Timers and sockets have their turn, as in a service: heartbeats, bounds of time.
      await setImmediate()
      try {
        const found = await lane.round(round)
        if (round < warmUp) continue
        const columns = samples.get(lane.name) ?? found.map(() => [])
        samples.set(lane.name, columns)
        for (const [column, value] of found.entries()) columns[column]?.push(value)
      } catch (error) {
        failures.set(lane.name, error instanceof Error ? error.message : String(error))
        samples.delete(lane.name)
      }
    }
  }
  return { samples, failures }
}
