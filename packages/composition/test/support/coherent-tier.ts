import {
  type CacheValue,
  type ChangeListener,
  type Clock,
  type Coherence,
  type CoherenceMode,
  keyText,
  type Lease,
  type LeaseAnswer,
  type Leases,
} from '@hitbox/core'
import { type Script, type ScriptedTier, scriptedTier, type Verb } from './scripted-tier.ts'

/** What a tier is told by its store, as the test says. Knows everything up to now unless a test holds the fence. */
export class ScriptedCoherence implements Coherence {
  mode: CoherenceMode | undefined = 'tracking'
  maxStaleMs: number = 1_000
  copyMs: number = Number.POSITIVE_INFINITY
  fence: number
  /** Fences of single keys, where they are not that of all. */
  readonly fences = new Map<string, number>()
  readonly listeners = new Set<ChangeListener>()
  barriers = 0

  constructor(clock: Clock) {
    this.fence = clock.now()
  }

  fenceOf(key: string): number {
    return this.fences.get(key) ?? this.fence
  }

  listen(listener: ChangeListener): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  async barrier(): Promise<void> {
    this.barriers += 1
  }

  stamp(): string {
    return 's1'
  }

  reached(stamp: string): boolean {
    return stamp === 's1'
  }

  changed(key: string): void {
    for (const listener of this.listeners) listener.changed(key)
  }

  changedAll(): void {
    for (const listener of this.listeners) listener.changedAll()
  }
}

export interface CoherentTier extends ScriptedTier {
  readonly coherence: ScriptedCoherence
  readonly leases: ScriptedLeases
  /** Somebody else changes what is under a key; nobody is told yet. `undefined` removes it. */
  elsewhere(key: string, value: CacheValue<unknown> | undefined): void
}

/** A lowest tier that others change too. */
export function coherentTier(label: string, clock: Clock, script?: Script): CoherentTier {
  const tier = scriptedTier(label, script)
  const leases = new ScriptedLeases(tier)
  const { entries } = tier
  return Object.assign(tier, {
    coherence: new ScriptedCoherence(clock),
    leases,
    elsewhere(key: string, value: CacheValue<unknown> | undefined): void {
      leases.end(key)
      if (value === undefined) entries.delete(key)
      else entries.set(key, value)
    },
  })
}

/** Leases on the entries of a scripted tier, that end with any change; their time is no matter here. */
export class ScriptedLeases implements Leases {
  readonly #tier: ScriptedTier
  readonly #held = new Map<string, Lease>()
  #ids = 0

  constructor(tier: ScriptedTier) {
    this.#tier = tier
  }

  end(key: string): void {
    this.#held.delete(key)
  }

  take: Leases['take'] = <T>(key: never, request?: { readonly over?: unknown }) => {
    const text = keyText(key)
    return this.#run('take', text, (): LeaseAnswer<T> => {
      const value = this.#tier.entries.get(text) as CacheValue<T> | undefined
      const over = request?.over
      if (value !== undefined && over !== 'anything' && over !== value)
        return { is: 'found', value }
      if (this.#held.has(text) && over !== 'anything') return { is: 'held', forMs: 500 }
      const lease: Lease = { key: text, leaseMs: 1_000 }
      this.#held.set(text, lease)
      return { is: 'granted', lease }
    })
  }

  fill: Leases['fill'] = (lease, value) =>
    this.#run('fill', lease.key, () => {
      if (this.#held.get(lease.key) !== lease) return undefined
      this.#held.delete(lease.key)
      const stored = { ...value, meta: { ...value.meta, id: (this.#ids += 1) } }
      this.#tier.entries.set(lease.key, stored)
      return stored
    })

  renew: Leases['renew'] = (lease) =>
    this.#run('renew', lease.key, () => this.#held.get(lease.key) === lease)

  release: Leases['release'] = (lease) =>
    this.#run('release', lease.key, () => {
      if (this.#held.get(lease.key) === lease) this.#held.delete(lease.key)
    })

  expire: Leases['expire'] = (key) => {
    const text = keyText(key)
    return this.#run('expire', text, () => {
      this.#held.delete(text)
      const value = this.#tier.entries.get(text)
      if (value === undefined) return false
      this.#tier.entries.set(text, { ...value, staleAt: Number.NEGATIVE_INFINITY })
      return true
    })
  }

  #run<R>(verb: Verb, key: string, effect: () => R): R | Promise<R> {
    this.#tier.calls.push(`${verb} ${key}`)
    return this.#tier.script({ verb, key }, effect)
  }
}
