import { statSync } from 'node:fs'
import type { Contender } from './contender.ts'
import type { BenchCase, BenchOptions } from './contract.ts'
import {
  ArgumentError,
  type Arguments,
  knownNames,
  parseArguments,
  standsFor,
  USAGE,
} from './options/arguments.ts'
import { loadCases, loadContenders, namesOf } from './registry.ts'
import { writePage, writeReport } from './report/files.ts'
import { loadAverage, machine, versionsOf } from './report/machine.ts'
import type { CaseReport, Report } from './report/report.ts'
import { printTable } from './report/print-table.ts'

const words = process.argv.slice(2)

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error
  console.error(error.message)
  process.exitCode = 2
}

async function main(): Promise<number> {
  const given = parseArguments(words)
  if (given.help) {
    console.log(USAGE)
    return 0
  }
  if (given.page) {
    const problem = writePage()
    if (problem !== undefined) throw new ArgumentError(problem)
    console.log('Written: docs/performance.md and its plots in docs/performance')
    return 0
  }
  const [cases, contenders] = await Promise.all([loadCases(), loadContenders()])
  knownNames(
    '--case',
    given.cases,
    cases.map(({ name }) => name),
  )
  const chosen = cases.filter(({ name }) => given.cases.length === 0 || given.cases.includes(name))
  // Some cases have contenders of their own, such as policies of eviction.
  const others = chosen.flatMap((one) => one.contenders ?? [])
  knownNames('--only', given.only, [...namesOf(contenders), ...others])
  if (
    given.trace !== undefined &&
    statSync(given.trace, { throwIfNoEntry: false })?.isFile() !== true
  ) {
    throw new ArgumentError(`--trace: there is no file "${given.trace}"`)
  }
  if (given.list) {
    for (const { name, title } of cases) console.log(`case  ${name.padEnd(28)}${title}`)
    for (const { name, about } of contenders) console.log(`only  ${name.padEnd(28)}${about}`)
    return 0
  }
  const report = await measure(given, chosen, contenders)
  write(report, isWhole(given))
  return report.cases.some(({ failure }) => failure !== undefined) ? 1 : 0
}

async function measure(
  given: Arguments,
  chosen: readonly BenchCase[],
  contenders: readonly Contender[],
): Promise<Report> {
  const begun = performance.now()
  const date = new Date().toISOString()
  const start = loadAverage()
  const options: BenchOptions = {
    takesPart: (name, bare = false) =>
      bare || given.only.length === 0 || given.only.some((one) => standsFor(one, name)),
    rounds: given.rounds,
    quick: given.quick,
    trace: given.trace,
    tell: (line) => process.stderr.write(`# ${line}\n`),
  }
  const cases: CaseReport[] = []
  for (const one of chosen) cases.push(await runCase(one, options))
  return {
    date,
    machine: machine(),
    versions: versionsOf(contenders.flatMap(({ packages }) => packages)),
    arguments: words,
    rounds: given.rounds,
    quick: given.quick,
    loadAverage: { start, end: loadAverage() },
    seconds: (performance.now() - begun) / 1_000,
    contenders: Object.fromEntries(contenders.map(({ name, about }) => [name, about])),
    cases,
  }
}

/** A case that fails leaves the others alone, and the run fails at its end. */
async function runCase(one: BenchCase, options: BenchOptions): Promise<CaseReport> {
  const begun = performance.now()
  const { name, title } = one
  console.log(`\n== ${name}: ${title}\n`)
  try {
    const tables = await one.run(options)
    for (const table of tables) console.log(printTable(table))
    return { name, title, seconds: (performance.now() - begun) / 1_000, tables }
  } catch (error) {
    const failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
    console.error(`${name} failed: ${failure}`)
    return { name, title, seconds: (performance.now() - begun) / 1_000, tables: [], failure }
  }
}

/** Whether everything was measured as it is meant to be, so that a page may be made of it. */
function isWhole({ cases, only, quick, trace }: Arguments): boolean {
  return cases.length === 0 && only.length === 0 && !quick && trace === undefined
}

function write(report: Report, whole: boolean): void {
  const files = writeReport(report, whole)
  const { loadAverage: load, seconds, machine: on, versions } = report
  console.log(
    `${Math.round(seconds)} s on ${on.cores} x ${on.processor}, node ${versions['node']}, redis-server ${versions['redis-server']}; ` +
      `load average ${load.start.toFixed(1)} before, ${load.end.toFixed(1)} after`,
  )
  console.log(`Written: ${files.join(', ')}`)
}
