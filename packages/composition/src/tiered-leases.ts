import {
  type CacheValue,
  chain,
  isPromise,
  type KeyInput,
  keyText,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type Leases,
  type MaybePromise,
} from '@hitbox/core'
import { refill } from './refill.ts'
import type { TierSet } from './tier-set.ts'
import { together } from './together.ts'

/** The leases of the lowest tier, and what the tiers above it hold while and after they are used. */
export class TieredLeases implements Leases {
  readonly #set: TierSet
  readonly #leases: Leases

  constructor(set: TierSet, leases: Leases) {
    this.#set = set
    this.#leases = leases
  }

  take<T>(key: KeyInput, request?: LeaseRequest): MaybePromise<LeaseAnswer<T>> {
    const set = this.#set
    const text = keyText(key)
    const ticket = set.guard.beginFill(text)
    const askedAt = set.timesCopies ? set.clock.now() : undefined
    return chain(this.#leases.take<T>(text, request), (answer) => {
      if (answer.is === 'found' && answer.value.staleAt > set.clock.now()) {
        const lacking = (1 << set.lowest) - 1
        const { value } = answer
        refill(set, [{ text, value, ticket, lacking, askedAt, begun: false }], true)
      }
      return answer
    })
  }

  fill<T>(lease: Lease, value: CacheValue<T>): MaybePromise<CacheValue<T> | undefined> {
    const set = this.#set
    const text = lease.key
    const askedAt = set.timesCopies ? set.clock.now() : undefined
    return this.#changing(
      text,
      () => this.#leases.fill(lease, value),
      (stored) =>
        stored === undefined
          ? this.#dropAbove(text)
          : this.#eachAbove((tier) =>
              chain(set.put(tier, text, stored, 'write', askedAt), (failure) =>
                failure === undefined ? undefined : set.remove(tier, [text], true),
              ),
            ),
    )
  }

  renew(lease: Lease): MaybePromise<boolean> {
    return this.#leases.renew(lease)
  }

  release(lease: Lease): MaybePromise<void> {
    return this.#leases.release(lease)
  }

  expire(key: KeyInput): MaybePromise<boolean> {
    const text = keyText(key)
    return this.#changing(
      text,
      () => this.#leases.expire(text),
      () => this.#dropAbove(text),
    )
  }

  /** A change of the lowest tier, and what follows from it above. Where it failed, or ran beside another, the tiers above drop the key. */
  #changing<R>(
    text: string,
    run: () => MaybePromise<R>,
    follow: (result: R) => MaybePromise<unknown>,
  ): MaybePromise<R> {
    const { guard } = this.#set
    const failed = (error: unknown): MaybePromise<never> =>
      chain(this.#dropAbove(text), () => {
        guard.endChange(text)
        throw error
      })
    const done = (result: R): MaybePromise<R> =>
      chain(guard.contended(text) ? this.#dropAbove(text) : follow(result), () => {
        guard.endChange(text)
        return result
      })
    guard.beginChange(text)
    let answer: MaybePromise<R>
    try {
      answer = run()
    } catch (error) {
      return failed(error)
    }
    return isPromise(answer) ? answer.then(done, failed) : done(answer)
  }

  #dropAbove(text: string): MaybePromise<unknown> {
    return this.#eachAbove((tier) => this.#set.remove(tier, [text], true))
  }

  #eachAbove(run: (tier: number) => MaybePromise<unknown>): MaybePromise<unknown> {
    const answers: MaybePromise<unknown>[] = []
    for (let tier = 0; tier < this.#set.lowest; tier += 1) answers.push(run(tier))
    return answers.some(isPromise) ? together(answers) : undefined
  }
}
