// Warms one contender up, calls it open-loop, and tells what callers saw. Whoever started this process ends it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Row, Subject } from '../contender.ts'
import { countingLoader } from '../inputs/counting-loader.ts'
import { idOf, keyOf, rowOfSize } from '../inputs/rows.ts'
import { poissonArrivals } from '../load/arrivals.ts'
import { openLoop, type OpenLoopOptions, type OpenLoopResult } from '../load/open-loop.ts'
import type { LoadQuestion, LoadSummary, Plan } from '../load/plan.ts'
import { seededRandom } from '../trace/random.ts'
import { zipf } from '../trace/zipf.ts'
import { answerMessages } from './answer-messages.ts'
import { openContender } from './open-contender.ts'

/** One key of so many is in no tier when the calls begin. */
const COLD = 50
const WARM_CALLERS = 32
const TTL_MS = 600_000
const VALUE_BYTES = 300

type GetOrLoad = NonNullable<Subject['getOrLoad']>

let ready: OpenLoopOptions | undefined

answerMessages(async (told): Promise<LoadSummary | { ready: true }> => {
  const question = told as LoadQuestion
  if ('warm' in question) {
    ready = await prepared(question.warm)
    return { ready: true }
  }
  if (ready === undefined) throw new Error('nothing is warm')
  return summaryOf(await openLoop(ready))
})

async function prepared(plan: Plan): Promise<OpenLoopOptions> {
  let loadMs = 0
  const source = countingLoader(
    (id) => rowOfSize(id, VALUE_BYTES),
    async () => (loadMs > 0 ? delay(loadMs) : undefined),
  )
  const getOrLoad = await callOf(plan, source.load)
  const random = seededRandom(plan.seed)
  const rank = zipf(plan.keys, 0.9, random)
  await warmUp(getOrLoad, plan, rank)
  loadMs = plan.loadMs
  const arrivals = poissonArrivals(plan.ratePerSecond, plan.lengthMs, random)
  const ids = Array.from(arrivals, rank)
  const keys = ids.map((id) => keyOf(id))
  return {
    arrivals,
    call: async (index) => {
      const row = await getOrLoad(keys[index] as string)
      if (row?.id !== ids[index]) throw new Error('it gave another value')
    },
    drainMs: plan.drainMs,
    countFromMs: plan.countFromMs,
  }
}

async function callOf(plan: Plan, load: (key: string) => Promise<Row>): Promise<GetOrLoad> {
  if (plan.wanted === undefined) return (key) => ({ id: idOf(key) })
  const { getOrLoad } = await openContender(plan.wanted, {
    redisUrl: `redis://${plan.host}:${plan.port}/0`,
    prefix: '',
    maxEntries: plan.l1Entries,
    ttlMs: TTL_MS,
    load,
    tagOf: () => 'all',
  })
  if (getOrLoad === undefined) throw new Error('it has no loader')
  return getOrLoad
}

/** Puts all keys but the cold ones into Redis, and those that are asked for most into memory. */
async function warmUp(getOrLoad: GetOrLoad, { keys }: Plan, rank: () => number): Promise<void> {
  const order = [
    ...Array.from({ length: keys }, (_, key) => key),
    ...Array.from({ length: keys }, rank),
  ].filter((key) => !isCold(key))
  let next = 0
  const callers = Array.from({ length: WARM_CALLERS }, async () => {
    while (next < order.length) {
      const key = order[next] as number
      next += 1
      await getOrLoad(keyOf(key))
    }
  })
  await Promise.all(callers)
}

function isCold(key: number): boolean {
  return key % COLD === COLD - 1
}

function summaryOf({ latencies, errors, errorMessages, unfinished }: OpenLoopResult): LoadSummary {
  return {
    calls: latencies.count + errors,
    p50: latencies.percentileMs(0.5) ?? Number.NaN,
    p90: latencies.percentileMs(0.9) ?? Number.NaN,
    p99: latencies.percentileMs(0.99) ?? Number.NaN,
    p999: latencies.percentileMs(0.999) ?? Number.NaN,
    max: latencies.maxMs,
    errors,
    unfinished,
    errorMessage: errorMessages[0]?.[0],
  }
}
