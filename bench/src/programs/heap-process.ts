// Fills one contender and tells how many bytes each entry has taken, in a process where there is nothing else. Run with --expose-gc.
import { countingLoader } from '../inputs/counting-loader.ts'
import { fill } from '../inputs/fill.ts'
import { tinyRow } from '../inputs/rows.ts'
import { collectGarbage } from '../method/collect-garbage.ts'
import { answerMessages } from './answer-messages.ts'
import { openContender, type Wanted } from './open-contender.ts'

export interface HeapQuestion {
  readonly wanted: Wanted
  readonly entries: number
}

export interface HeapAnswer {
  readonly bytesPerEntry: number
}

const kept: unknown[] = []

answerMessages(async (question): Promise<HeapAnswer> => {
  const { wanted, entries } = question as HeapQuestion
  const open = (maxEntries: number) =>
    openContender(wanted, {
      redisUrl: '',
      prefix: '',
      maxEntries,
      ttlMs: 86_400_000,
      load: countingLoader(tinyRow).load,
      tagOf: () => 'all',
    })
  // What is made once, code above all, is made before.
  const trial = await open(1_000)
  await fill({ subject: trial, prefix: '' }, 1_000, tinyRow)
  await trial.close()
  const before = bytesUsed()
  const subject = await open(entries)
  kept.push(subject)
  await fill({ subject, prefix: '' }, entries, tinyRow)
  return { bytesPerEntry: (bytesUsed() - before) / entries }
})

function bytesUsed(): number {
  for (let turn = 0; turn < 4; turn += 1) collectGarbage('major')
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
