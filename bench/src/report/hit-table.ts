import { type Entrant, wanted } from '../arena.ts'
import type { BenchOptions, Table } from '../contract.ts'
import type { HitMethod } from '../method/hit-lanes.ts'
import { type Program, startProgram } from '../method/run-program.ts'
import type { HitQuestion, HitRound } from '../programs/hit-process.ts'
import { measureColumns } from './measure-columns.ts'
import { samplesTable } from './samples-table.ts'

export interface HitTable {
  readonly title: string
  readonly base: string
  readonly who: readonly Entrant[]
  readonly methods: readonly HitMethod[]
  /** Of entries in memory. */
  readonly count: number
  /** What is asked for, in turn. */
  readonly ids: readonly number[]
  /** Of CPU, for a round. */
  readonly milliseconds: number
  readonly redisUrl?: string | undefined
  readonly notes: readonly string[]
}

interface Running {
  readonly label: string
  readonly methods: readonly HitMethod[]
  readonly program: Program
}

/** Hits in memory: contenders in processes of their own, of which one works at a time. Their garbage is collected at their own expense. */
export async function hitTable(facts: HitTable, options: BenchOptions): Promise<Table> {
  const { title, base, who } = facts
  const notes: string[] = [
    'CPU time per call, that of collecting garbage included; get and getOrLoad are awaited one after the other. Each in a process of its own, in turn.',
    ...facts.notes,
  ]
  const running: Running[] = []
  try {
    for (const [at, entrant] of who.entries()) {
      const program = startProgram('hit-process', {
        execArgv: ['--expose-gc'],
        timeoutMs: 120_000,
      })
      try {
        running.push({ label: entrant.label, program, methods: await opened(program, facts, at) })
      } catch (error) {
        notes.push(`${entrant.label} took no part: ${String(error)}`)
        await program[Symbol.asyncDispose]()
      }
    }
    const columns = facts.methods.map((method) => ({
      title: method,
      lanes: running
        .filter(({ methods }) => methods.includes(method))
        .map(({ label, program }) => ({ name: label, round: () => oneRound(program, method) })),
    }))
    const measured = await measureColumns(title, columns, options)
    return samplesTable({
      title,
      unit: 'ns',
      base,
      rows: who.map(({ label }) => label),
      columns: measured.columns,
      notes: [...notes, ...measured.notes],
    })
  } finally {
    await Promise.all(running.map(async ({ program }) => program[Symbol.asyncDispose]()))
  }
}

async function opened(
  program: Program,
  { who, redisUrl, count, ids, milliseconds }: HitTable,
  at: number,
): Promise<readonly HitMethod[]> {
  const question: HitQuestion = {
    wanted: wanted(who[at] as Entrant),
    redisUrl: redisUrl === undefined ? '' : `${redisUrl}/${at}`,
    prefix: redisUrl === undefined ? '' : `${at}:`,
    count,
    ids,
    milliseconds,
  }
  return (await program.ask<{ methods: readonly HitMethod[] }>(question)).methods
}

async function oneRound(program: Program, method: HitMethod): Promise<readonly number[]> {
  const question: HitQuestion = { method }
  const { nanoseconds, loads } = await program.ask<HitRound>(question)
  if (loads > 0) throw new Error(`${loads} of the calls were loads, not hits`)
  return [nanoseconds]
}
