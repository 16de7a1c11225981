import type { MaybePromise, Reporter } from '@hitbox/core'
import type { CallContext } from '../call-context.ts'
import type { Engine } from '../engine.ts'
import type { Loader } from '../flight/loading.ts'
import type { HitboxEvent } from '../events.ts'
import type { Policy } from '../policy.ts'
import type { Scope } from '../versions/scope.ts'
import type { State } from './state.ts'

export interface RequestOptions {
  readonly load?: Loader | undefined
  /** Whether somebody makes the value when it is missing. @defaultValue whether there is a `load` */
  readonly loads?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly context?: CallContext | undefined
  /** Whether what is there, and what is being made, is not wanted. */
  readonly reload?: boolean | undefined
}

/** One call on its way through the states. A fresh hit in memory that nobody observes has none. */
export class Request {
  readonly text: string
  readonly scope: Scope
  readonly policy: Policy
  readonly load: Loader | undefined
  readonly loads: boolean
  readonly signal: AbortSignal | undefined
  readonly context: CallContext | undefined
  readonly reload: boolean
  readonly startedAt: number
  /** Only where somebody will see it. */
  readonly trace: State[] | undefined
  /** Turn of the versions in which it began: what was invalidated by then is not for this caller. */
  readonly turn: number
  /** Of the changes of its key that had begun by then; 0 where nothing is loaded, and so nobody asks. */
  readonly stamp: number

  /** What was acknowledged before this moment must be obeyed; `undefined` for the bound of the tiers. Set once, before anything is asked. */
  since: number | undefined
  /** The wait for the versions that its load would carry, once begun. */
  prepared: MaybePromise<void> = undefined

  constructor(engine: Engine, scope: Scope, text: string, policy: Policy, options: RequestOptions) {
    this.text = text
    this.scope = scope
    this.policy = policy
    this.load = options.load
    this.loads = options.loads ?? options.load !== undefined
    this.signal = options.signal
    this.context = options.context
    this.reload = options.reload === true
    const seen = options.context !== undefined || policy.announcer.active
    this.startedAt = seen ? engine.clock.now() : 0
    this.trace = seen ? [] : undefined
    this.turn = engine.versions.register.turn
    this.stamp = this.loads ? engine.stamps.of(text) : 0
    engine.ledger.calls += 1
    this.enter('check')
  }

  get announcer(): Reporter<HitboxEvent> {
    return this.policy.announcer
  }

  enter(state: State): void {
    this.trace?.push(state)
  }
}
