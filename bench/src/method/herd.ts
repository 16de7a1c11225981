import type { Subject } from '../contender.ts'
import type { CountingLoader } from '../inputs/counting-loader.ts'
import { idOf } from '../inputs/rows.ts'
import { cpuMicroseconds } from './cpu-time.ts'

export interface Herd {
  readonly loads: number
  readonly cpuMs: number
  /** From the first call to the last answer. */
  readonly lastMs: number
}

/** Sends so many callers to a key at once, and waits for all. */
export async function runHerd(
  { getOrLoad }: Subject,
  source: CountingLoader,
  key: string,
  callers: number,
): Promise<Herd> {
  if (getOrLoad === undefined) throw new Error('it has no loader')
  source.taken()
  const cpu = cpuMicroseconds()
  const begun = performance.now()
  const answers = await Promise.all(Array.from({ length: callers }, () => getOrLoad(key)))
  const lastMs = performance.now() - begun
  const cpuMs = (cpuMicroseconds() - cpu) / 1_000
  const wrong = answers.findIndex((answer) => answer?.id !== idOf(key))
  if (wrong !== -1) throw new Error(`caller ${wrong} got another value`)
  return { loads: source.taken(), cpuMs, lastMs }
}
