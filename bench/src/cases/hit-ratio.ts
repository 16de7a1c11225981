import { setImmediate as turn } from 'node:timers/promises'
import type { BenchCase, BenchOptions, Table } from '../contract.ts'
import { generatedTraces } from '../trace/generators.ts'
import { hitRatioTable } from '../trace/hit-ratio-table.ts'
import { POLICIES } from '../trace/policies.ts'
import { readTrace } from '../trace/read-trace.ts'
import type { Trace } from '../trace/trace.ts'

const FULL = { requests: 300_000, keys: 30_000, seed: 1 }
const QUICK = { requests: 30_000, keys: 5_000, seed: 1 }

/** With fewer, the largest capacity that is tried would be below ten entries. */
const LEAST_KEYS = 40

/**
 * How often a cache of a size answers, by what it evicts: on generated traces, or on one that was recorded.
 *
 * Any machine has traces. The files that a program asks for: `strace -f -qq -e trace=%file -e signal=none -o LOG PROGRAM`, of each line the
 * first text in quotes. The objects that git reads: `GIT_TRACE_PACK_ACCESS=LOG git log -p`, of each line the pack and the offset.
 */
export const hitRatioCase: BenchCase = {
  name: 'hit-ratio',
  title: 'Hit ratio by capacity',
  contenders: Object.keys(POLICIES),
  run,
}

async function run(options: BenchOptions): Promise<readonly Table[]> {
  const policies = new Map(Object.entries(POLICIES).filter(([name]) => options.takesPart(name)))
  const tables: Table[] = []
  for (const trace of await tracesFor(options)) {
    options.tell(`hit-ratio: ${trace.name}`)
    tables.push(hitRatioTable(trace, policies))
    // Timers of caches that are closed by now get their turn.
    await turn()
  }
  return tables
}

async function tracesFor({ trace, quick }: BenchOptions): Promise<readonly Trace[]> {
  if (trace === undefined) return generatedTraces(quick ? QUICK : FULL)
  const read = await readTrace(trace)
  if (read.unique >= LEAST_KEYS) return [read]
  throw new Error(
    `the trace "${read.name}" must ask for ${LEAST_KEYS} different keys or more, got ${read.unique}`,
  )
}
