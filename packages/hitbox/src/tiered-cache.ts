import { type DurationInput, toDuration } from '@hitbox/core'
import type { OffloadManager } from '@hitbox/composition'
import type { Cache } from './cache.ts'
import { closeEngine } from './close.ts'
import type { Engine } from './engine.ts'
import type { CacheStats } from './ledger.ts'
import type { LifeInput, Policy } from './policy.ts'
import type { Scope } from './versions/scope.ts'
import { View } from './view.ts'

/** The whole of a cache: the view on its outermost namespace, and what belongs to no single one. */
export class TieredCache<Value> extends View<Value> implements Cache<Value> {
  readonly #engine: Engine
  readonly #ownOffload: OffloadManager | undefined

  constructor(
    engine: Engine,
    scope: Scope,
    policy: Policy,
    ownOffload: OffloadManager | undefined,
  ) {
    super(engine, scope, policy)
    this.#engine = engine
    this.#ownOffload = ownOffload
  }

  stats(): CacheStats {
    const { ledger, flights, parts } = this.#engine
    return {
      ...ledger.snapshot(),
      inFlight: flights.active,
      tiers: parts.map((tier) => Object.assign({ label: tier.label }, tier.stats())),
    }
  }

  async ready(options?: { readonly timeout?: DurationInput | undefined }): Promise<void> {
    this.#engine.assertOpen()
    await this.#engine.tiers.ready(options)
  }

  close(options: { readonly timeout?: LifeInput | undefined } = {}): Promise<void> {
    const timeoutMs = toDuration((options.timeout ?? '5s') as DurationInput, 'timeout')
    return this.#engine.closeBy(() => closeEngine(this.#engine, this.#ownOffload, timeoutMs))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
