import type { CacheValue, Context } from '@hitbox/core'
import type { CallContext } from '../call-context.ts'
import type { Engine } from '../engine.ts'
import type { Landed } from '../flight/flight.ts'
import type { Outcome } from '../ledger.ts'
import type { Request } from './request.ts'
import { usableUntil } from './serve.ts'

/** The facts of one answer. */
export interface AnswerFacts {
  readonly outcome: Outcome
  readonly collapsed: boolean
  readonly failed: boolean
  /** What was handed out, when it came from a tier. */
  readonly entry?: CacheValue<unknown> | undefined
  /** What was handed out, when it was loaded. */
  readonly landed?: Landed | undefined
  /** What the tiers said, when they were asked. */
  readonly polled?: Context | undefined
  /** Whether there was an old value that was not handed out. */
  readonly replaced?: boolean | undefined
}

/** The last state: counts the call, tells it, and fills the context of who asked. */
export function answer(engine: Engine, request: Request, facts: AnswerFacts): void {
  const { ledger, label } = engine
  const { announcer } = request
  request.enter('answer')
  ledger.count(facts.outcome)
  if (facts.collapsed) ledger.collapsed += 1
  const { trace, context } = request
  if (trace === undefined) return
  const durationMs = engine.clock.now() - request.startedAt
  if (context !== undefined) {
    explain(engine, context, facts)
    context.durationMs = durationMs
    context.trace = trace.slice()
  }
  if (!announcer.active) return
  const { outcome, collapsed, failed } = facts
  const key = request.text
  announcer.report({
    type: 'call',
    source: label,
    key,
    outcome,
    collapsed,
    failed,
    durationMs,
    trace: trace.slice(),
  })
}

function explain(engine: Engine, context: CallContext, facts: AnswerFacts): void {
  const { outcome, entry, landed, polled } = facts
  const now = engine.clock.now()
  context.collapsed = facts.collapsed
  context.status = outcome === 'hit' || outcome === 'stale' ? outcome : 'forward'
  if (outcome === 'bypass') context.forward = 'bypass'
  else if (outcome === 'miss') context.forward = facts.replaced === true ? 'stale' : 'miss'
  if (polled !== undefined) {
    context.missReason = polled.missReason
    context.failures.push(...polled.failures)
    context.refilled = polled.refilled
  }
  const served = landed === undefined ? entry : landed.entry
  if (landed !== undefined) {
    context.source = landed.source ?? 'upstream'
    context.loadMs = landed.loadMs
    context.ageMs = 0
    noteStored(context, landed)
  } else if (entry !== undefined) {
    context.source = polled?.source ?? engine.tiers.label
    context.loadMs = entry.meta?.loadMs
  }
  if (served === undefined) return
  context.ttlMs = Math.max(0, usableUntil(served) - now)
  const madeAt = served.meta?.madeAt
  context.ageMs = madeAt === undefined ? undefined : Math.max(0, now - madeAt)
}

function noteStored(context: CallContext, { stored }: Landed): void {
  if (typeof stored === 'boolean') context.stored = stored
  else {
    void stored.then((done) => {
      context.stored = done
    })
  }
}
