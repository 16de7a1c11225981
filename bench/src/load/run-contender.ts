import type { Fault, FaultProxy } from '@hitbox/testing'
import { startProgram } from '../method/run-program.ts'
import type { LoadQuestion, LoadSummary, Plan } from './plan.ts'

/** How much longer than planned it may take, its warm-up included, before it counts as hung. */
const GRACE_MS = 60_000

/** What befalls Redis, and how long after the first call. */
export interface PlannedFault {
  readonly fault: Fault
  readonly afterMs: number
}

/** What callers saw, or why nobody knows. */
export type Outcome = LoadSummary | { readonly failed: string }

/** Runs a contender in a process of its own, so that one that hangs, throws or keeps the processor busy takes no other along. */
export async function runContender(
  plan: Plan,
  proxy: FaultProxy,
  { fault, afterMs }: PlannedFault,
): Promise<Outcome> {
  await using program = startProgram('load-process', {
    timeoutMs: plan.lengthMs + plan.drainMs + GRACE_MS,
  })
  const ask = <T>(question: LoadQuestion) => program.ask<T>(question)
  let faultTimer: NodeJS.Timeout | undefined
  try {
    await ask({ warm: plan })
    faultTimer = setTimeout(() => void proxy.set(fault), afterMs)
    return await ask<LoadSummary>({ go: true })
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(faultTimer)
    await proxy.set('pass')
  }
}
