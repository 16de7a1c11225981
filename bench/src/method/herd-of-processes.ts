import type { HerdQuestion } from '../programs/herd-process.ts'
import type { Wanted } from '../programs/open-contender.ts'
import type { Herd } from './herd.ts'
import { type Program, startProgram } from './run-program.ts'

interface FleetOptions {
  readonly wanted: Wanted
  readonly redisUrl: string
  readonly processes: number
  readonly loadMs: number
}

export interface HerdFleet extends AsyncDisposable {
  /** So many callers of the key in each process. */
  run(key: string, callersEach: number): Promise<Herd>
}

/** Time for a message to reach all processes, so that they begin together. */
const HEAD_START_MS = 100

export async function herdOfProcesses({
  wanted,
  redisUrl,
  processes,
  loadMs,
}: FleetOptions): Promise<HerdFleet> {
  const programs = Array.from({ length: processes }, () =>
    startProgram('herd-process', { timeoutMs: 60_000 }),
  )
  const fleet: HerdFleet = {
    run: async (key, callers) => {
      const atMs = performance.timeOrigin + performance.now() + HEAD_START_MS
      const question: HerdQuestion = { key, callers, atMs }
      const herds = await Promise.all(programs.map((program) => program.ask<Herd>(question)))
      return {
        loads: sum(herds.map(({ loads }) => loads)),
        cpuMs: sum(herds.map(({ cpuMs }) => cpuMs)),
        lastMs: Math.max(...herds.map(({ lastMs }) => lastMs)),
      }
    },
    [Symbol.asyncDispose]: () => closeAll(programs),
  }
  const question: HerdQuestion = { open: wanted, redisUrl, loadMs }
  try {
    await Promise.all(programs.map((program) => program.ask(question)))
  } catch (error) {
    await closeAll(programs)
    throw error
  }
  return fleet
}

async function closeAll(programs: readonly Program[]): Promise<void> {
  await Promise.all(programs.map(async (program) => program[Symbol.asyncDispose]()))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
