// For CI: whether what hitbox costs beside its bare parts is still within wide margins. Ratios, never times. About 15 seconds when all is
// well; a case that misses one is measured once more, since machines that are shared have bad moments.
import type { BenchOptions } from './contract.ts'
import { MARGINS, missed } from './guard/margins.ts'
import { loadCases } from './registry.ts'

const ATTEMPTS = 2

const begun = performance.now()
/** What has a margin, and what ratios are taken to. */
const rows = new Set([...MARGINS.map(({ row }) => row), 'lru-cache', 'node-redis, Redis'])
const options: BenchOptions = {
  takesPart: (name) => rows.has(name),
  rounds: 5,
  quick: true,
  tell: () => {},
}
const misses: string[] = []
for (const one of await loadCases()) {
  let open = MARGINS.filter((margin) => margin.case === one.name)
  let told: readonly string[] = []
  for (let attempt = 1; attempt <= ATTEMPTS && open.length > 0; attempt += 1) {
    const tables = await one.run(options)
    // What was kept once can be kept: it is the miss that has to be repeatable.
    open = open.filter((margin) => missed(margin, tables) !== undefined)
    told = open.map((margin) => missed(margin, tables) ?? '')
  }
  misses.push(...told)
}
for (const line of misses) console.error(`missed: ${line}`)
const seconds = Math.round((performance.now() - begun) / 1_000)
console.log(`${MARGINS.length - misses.length} of ${MARGINS.length} margins kept, in ${seconds} s`)
if (misses.length > 0) process.exitCode = 1
