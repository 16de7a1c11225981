import { faultProxy, type FaultProxy } from '@hitbox/testing'
import { entrants, wanted } from '../arena.ts'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { type Condition, CONDITIONS } from '../load/conditions.ts'
import { loadTable } from '../load/load-table.ts'
import type { Plan } from '../load/plan.ts'
import { type Outcome, runContender } from '../load/run-contender.ts'
import { sharedRedis } from '../inputs/shared-redis.ts'
import type { Wanted } from '../programs/open-contender.ts'
import { loadContenders } from '../registry.ts'

/** A round of all contenders under all conditions takes minutes, and a phase has thousands of calls of its own. */
const MOST_ROUNDS = 2

/** What its callers wait for is the machine and the generator, and is in the figures of all others too. */
const NO_WORK = 'no work'

type Shape = Omit<Plan, 'wanted' | 'host' | 'port' | 'seed' | 'countFromMs'>

const FULL: Shape = {
  ratePerSecond: 2_000,
  lengthMs: 4_000,
  drainMs: 3_000,
  keys: 10_000,
  l1Entries: 1_000,
  loadMs: 20,
}
const QUICK: Shape = {
  ...FULL,
  ratePerSecond: 500,
  lengthMs: 1_000,
  drainMs: 1_000,
  keys: 2_000,
  l1Entries: 200,
}

/** What callers of a service see who do not wait for each other, while Redis is well, slow, frozen and dead. */
export const openLoopCase: BenchCase = {
  name: 'open-loop',
  title: 'Latency at a steady rate, whatever becomes of Redis',
  run,
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const shape = options.quick ? QUICK : FULL
  const rounds = options.quick ? 1 : Math.min(options.rounds, MOST_ROUNDS)
  // Variants differ in what is kept in memory, which is not what is asked here.
  const defaults = (await loadContenders()).filter(({ name }) => !name.includes(','))
  const who = new Map<string, Wanted | undefined>([[NO_WORK, undefined]])
  for (const one of entrants(defaults, ['tiers'], options)) who.set(one.label, wanted(one))
  const names = [...who.keys()]
  const redis = await sharedRedis()
  const proxy = await faultProxy(redis)
  try {
    const tables: Table[] = []
    for (const condition of CONDITIONS) {
      const outcomes = new Map(names.map((name): [string, Outcome[]] => [name, []]))
      for (let round = 0; round < rounds; round++) {
        // Another one begins each time, so that none has always the machine that somebody else has just heated.
        for (const name of rotated(names, round)) {
          options.tell(`open-loop: ${condition.name}: ${name}, round ${round + 1}`)
          await redis.command('FLUSHALL')
          outcomes
            .get(name)
            ?.push(await underCondition(who.get(name), { condition, shape, proxy, round }))
        }
      }
      tables.push(loadTable(titleOf(condition, shape), outcomes, notesOn(condition, shape)))
    }
    return tables
  } finally {
    await proxy.close()
    await redis.stop()
  }
}

interface Circumstances {
  readonly condition: Condition
  readonly shape: Shape
  readonly proxy: FaultProxy
  readonly round: number
}

function underCondition(
  contender: Wanted | undefined,
  { condition, shape, proxy, round }: Circumstances,
): Promise<Outcome> {
  const afterMs = faultAt(condition, shape)
  const plan: Plan = {
    ...shape,
    wanted: contender,
    host: proxy.host,
    port: proxy.port,
    seed: round + 1,
    countFromMs: afterMs,
  }
  return runContender(plan, proxy, { fault: condition.fault, afterMs })
}

function faultAt({ from }: Condition, { lengthMs }: Shape): number {
  return from === 'start' ? 0 : lengthMs / 2
}

function rotated(names: readonly string[], by: number): readonly string[] {
  const at = names.length === 0 ? 0 : by % names.length
  return [...names.slice(at), ...names.slice(0, at)]
}

function titleOf({ name }: Condition, { ratePerSecond }: Shape): string {
  return `${name}; ${ratePerSecond.toLocaleString('en')} calls/s`
}

function notesOn(condition: Condition, shape: Shape): readonly string[] {
  const { keys, l1Entries, loadMs, drainMs } = shape
  const seconds = (shape.lengthMs - faultAt(condition, shape)) / 1_000
  const since = condition.from === 'start' ? '' : ' from the fault on'
  return [
    `Zipf 0.9 over ${keys} keys, ${l1Entries} of them in memory, 98 % in Redis; the source takes ${loadMs} ms. Each library with its own defaults, above all its own bounds of time or none.`,
    `Latency is counted from the moment at which a call was due, of calls due in ${seconds} s${since}; they come at random and wait for nobody.`,
    `errors and unfinished are numbers of calls. One that was unfinished ${drainMs / 1_000} s after the last came counts with what it had waited, so what it decides is a lower bound.`,
    `${NO_WORK} answers at once: its figures are the noise of the machine, and are in all others.`,
  ]
}
