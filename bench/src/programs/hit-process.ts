// Opens one contender, fills it, and measures a round of hits whenever it is told to, where there is no garbage of others. Run with --expose-gc.
import { countingLoader } from '../inputs/counting-loader.ts'
import { fill } from '../inputs/fill.ts'
import { smallRow, tagOf } from '../inputs/rows.ts'
import { collectGarbage } from '../method/collect-garbage.ts'
import { hitLane, HIT_METHODS, type HitMethod } from '../method/hit-lanes.ts'
import type { Lane } from '../method/interleave.ts'
import { answerMessages } from './answer-messages.ts'
import { openContender, type Wanted } from './open-contender.ts'

export interface OpenHits {
  readonly wanted: Wanted
  readonly redisUrl: string
  readonly prefix: string
  /** Of entries. */
  readonly count: number
  /** What is asked for, in turn. */
  readonly ids: readonly number[]
  /** Of CPU, for a round. */
  readonly milliseconds: number
}
export type HitQuestion = OpenHits | { readonly method: HitMethod }

export interface HitRound {
  readonly nanoseconds: number
  /** Calls that were no hits. */
  readonly loads: number
}

/** Some keep entries of their own beside the values, or share the room out by hashes. */
const ROOM = 10_000

const lanes = new Map<HitMethod, Lane>()
const source = countingLoader(smallRow)

answerMessages(async (told): Promise<HitRound | { methods: readonly HitMethod[] }> => {
  const question = told as HitQuestion
  if ('wanted' in question) {
    await openAndFill(question)
    return { methods: [...lanes.keys()] }
  }
  source.taken()
  collectGarbage('minor')
  const [nanoseconds = Number.NaN] = (await lanes.get(question.method)?.round(0)) ?? []
  return { nanoseconds, loads: source.taken() }
})

async function openAndFill(question: OpenHits): Promise<void> {
  const { wanted, redisUrl, prefix, count, ids, milliseconds } = question
  const subject = await openContender(wanted, {
    redisUrl,
    prefix,
    maxEntries: count + ROOM,
    ttlMs: 3_600_000,
    load: source.load,
    tagOf,
  })
  await fill({ subject, prefix }, count, smallRow)
  collectGarbage('major')
  for (const method of HIT_METHODS) {
    if (subject[method] === undefined) continue
    const lane = await hitLane({ label: wanted.name, subject, prefix }, method, ids, milliseconds)
    lanes.set(method, lane)
  }
}
