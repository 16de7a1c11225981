// One of the processes of a service: opens a contender over the shared server, and sends a herd of callers to a key when it is told.
import type { Subject } from '../contender.ts'
import { countingLoader, type CountingLoader } from '../inputs/counting-loader.ts'
import { smallRow } from '../inputs/rows.ts'
import { setTimeout as wait } from 'node:timers/promises'
import { type Herd, runHerd } from '../method/herd.ts'
import { answerMessages } from './answer-messages.ts'
import { openContender, type Wanted } from './open-contender.ts'

export type HerdQuestion =
  | {
      readonly open: Wanted
      readonly redisUrl: string
      readonly loadMs: number
    }
  | { readonly key: string; readonly callers: number; readonly atMs: number }

let subject: Subject | undefined
let source: CountingLoader | undefined

answerMessages(async (told): Promise<Herd | { opened: true }> => {
  const question = told as HerdQuestion
  if ('open' in question) {
    source = countingLoader(smallRow, () => wait(question.loadMs))
    subject = await openContender(question.open, {
      redisUrl: question.redisUrl,
      prefix: '',
      maxEntries: 10_000,
      ttlMs: 3_600_000,
      load: source.load,
      tagOf: () => 'all',
    })
    // Connections are there before it counts.
    await subject.getOrLoad?.(`warm:${process.pid}`)
    source.taken()
    return { opened: true }
  }
  if (subject === undefined || source === undefined) throw new Error('nothing is open')
  // All begin at once, by the clock that the processes of one machine share.
  await wait(Math.max(0, question.atMs - (performance.timeOrigin + performance.now())))
  return runHerd(subject, source, question.key, question.callers)
})
