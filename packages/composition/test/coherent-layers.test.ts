import {
  type CacheBackend,
  type CacheValue,
  createContext,
  type Lease,
  type Leases,
} from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import {
  borrowed,
  compose,
  withCircuitBreaker,
  withConcurrency,
  withDeadline,
} from '../src/index.ts'
import { type CoherentTier, coherentTier } from './support/coherent-tier.ts'
import { turn } from './support/explore.ts'
import { failure, type Script, scriptedTier, soon } from './support/scripted-tier.ts'

const clock = manualClock()
const entry = (data: unknown): CacheValue<unknown> => ({
  data,
  staleAt: Number.POSITIVE_INFINITY,
  expiresAt: Number.POSITIVE_INFINITY,
  meta: undefined,
})
const never: Script = () => new Promise(() => {})

const TRIPS = { failures: 5, openFor: '1s' } as const
const LAYERS: readonly [string, (inner: CacheBackend) => CacheBackend][] = [
  ['withDeadline', (inner) => withDeadline(inner, '100ms', { clock })],
  ['withCircuitBreaker', (inner) => withCircuitBreaker(inner, { ...TRIPS, clock })],
  ['withConcurrency', (inner) => withConcurrency(inner, { maxConcurrent: 2 })],
  ['borrowed', (inner) => borrowed(inner)],
]

const someLease = (): Lease => ({ key: 'k', leaseMs: 1 })
const VERBS: readonly [string, (leases: Leases) => unknown][] = [
  ['take', (leases) => leases.take('k')],
  ['fill', (leases) => leases.fill(someLease(), entry('v'))],
  ['renew', (leases) => leases.renew(someLease())],
  ['release', (leases) => leases.release(someLease())],
  ['expire', (leases) => leases.expire('k')],
]

const run = async (leases: Leases, verb: (leases: Leases) => unknown): Promise<unknown> =>
  verb(leases)

describe.each(LAYERS)('%s over a tier that others share', (_, layer) => {
  it('gives on its coherence, and has none where that has none', () => {
    const shared = coherentTier('shared', clock)
    expect(layer(shared).coherence).toBe(shared.coherence)
    expect(layer(scriptedTier('plain')).coherence).toBeUndefined()
    expect(layer(scriptedTier('plain')).leases).toBeUndefined()
  })

  it('gives on its leases', async () => {
    const shared = coherentTier('shared', clock, soon)
    const leases = layer(shared).leases!
    const context = createContext()
    const taken = await leases.take('k', { context })
    if (taken.is !== 'granted') throw new Error(`it was ${taken.is}`)
    expect(await leases.take('k')).toMatchObject({ is: 'held' })
    expect(await leases.renew(taken.lease)).toBe(true)
    const value = (await leases.fill(taken.lease, entry('v')))!
    expect(value).toMatchObject({ data: 'v', meta: { id: 1 } })
    const over = shared.entries.get('k')!
    const again = await leases.take('k', { over })
    expect(again.is).toBe('granted')
    if (again.is === 'granted') await leases.release(again.lease)
    expect(await leases.expire('k')).toBe(true)
    expect(shared.calls).toEqual([
      'take k',
      'take k',
      'renew k',
      'fill k',
      'take k',
      'release k',
      'expire k',
    ])
  })

  it.each(VERBS)('refuses to %s once it is closed', async (_name, verb) => {
    const tier = layer(coherentTier('shared', clock))
    await tier.close()
    await expect(run(tier.leases!, verb)).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('lets a composition follow what others change, and listen no more once it is closed', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared = coherentTier('shared', clock, soon)
    const tiers = compose(memory, layer(shared), { clock })
    await tiers.set('k', entry('old'))
    shared.elsewhere('k', entry('new'))
    shared.coherence.changed('k')
    expect(memory.peek('k')).toBeUndefined()
    expect(await tiers.get('k')).toMatchObject({ data: 'new' })
    await tiers.close()
    expect(shared.coherence.listeners.size).toBe(0)
  })

  it('gives on those of a composition, with what that does above', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared = coherentTier('shared', clock, soon)
    const tiers = layer(compose(memory, shared, { clock }))
    const taken = await tiers.leases!.take('k')
    if (taken.is === 'granted') await tiers.leases!.fill(taken.lease, entry('v'))
    expect(memory.peek('k')).toMatchObject({ data: 'v' })
    await tiers.leases!.expire('k')
    expect(memory.peek('k')).toBeUndefined()
    expect(tiers.coherence).toBe(shared.coherence)
  })

  it('asks a composition for what was demanded', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared = coherentTier('shared', clock, soon)
    const tiers = layer(compose(memory, shared, { clock }))
    await tiers.set('k', entry('copy'))
    shared.elsewhere('k', entry('below'))
    const now = clock.now()
    shared.coherence.fence = now - 1
    expect((await tiers.get('k', { since: now - 1 }))?.data).toBe('copy')
    expect(tiers.peek?.('k', { since: now - 1 })?.data).toBe('copy')
    expect(tiers.peek?.('k', { since: now })).toBeUndefined()
    const context = createContext()
    expect((await tiers.get('k', { since: now, context }))?.data).toBe('below')
    shared.elsewhere('k', entry('below that'))
    const [result] = await tiers.getMany(['k'], { since: now })
    expect(result).toMatchObject({ ok: true, value: { data: 'below that' } })
  })
})

describe('withDeadline over leases', () => {
  it.each(VERBS)('waits no longer than that to %s', async (_, verb) => {
    const tier = withDeadline(coherentTier('shared', clock, never), '100ms', { clock })
    const done = run(tier.leases!, verb).catch((error: unknown) => error)
    await turn()
    clock.advance(100)
    expect(await done).toMatchObject({ code: 'TIMEOUT', details: { timeoutMs: 100 } })
    await tier.close()
  })

  it('says nothing in the context of a wish that was given up', async () => {
    let answer: (() => void) | undefined
    const shared = coherentTier('shared', clock, soon)
    const slow: Leases['take'] = async (_key, request) => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      if (request?.context !== undefined) request.context.bytes = 7
      return { is: 'held', forMs: 1 }
    }
    Object.assign(shared.leases, { take: slow })
    const tier = withDeadline(shared, '100ms', { clock })
    const context = createContext()
    const done = run(tier.leases!, (leases) => leases.take('k', { context })).catch(() => 'late')
    await turn()
    clock.advance(100)
    expect(await done).toBe('late')
    answer?.()
    await turn()
    expect(context).toEqual(createContext())
    await tier.close()
  })

  it('drops what is above when a fill took too long, since nobody knows what becomes of it', async () => {
    const memory = memoryBackend({ maxEntries: 100, clock })
    const shared: CoherentTier = coherentTier('shared', clock, soon)
    const tiers = compose(memory, withDeadline(shared, '100ms', { clock }), { clock })
    await tiers.set('k', entry('old'))
    const taken = await tiers.leases!.take('k', { over: 'anything' })
    if (taken.is !== 'granted') throw new Error(`it was ${taken.is}`)
    shared.script = never
    const done = run(tiers.leases!, (leases) => leases.fill(taken.lease, entry('v'))).catch(
      (error: unknown) => error,
    )
    await turn()
    clock.advance(100)
    expect(await done).toMatchObject({ code: 'TIMEOUT' })
    expect(memory.peek('k')).toBeUndefined()
    shared.script = soon
    await tiers.close()
  })
})

describe('withCircuitBreaker over leases', () => {
  it('opens by what fails there, and then asks for nothing', async () => {
    const shared = coherentTier('shared', clock, async () => {
      throw failure()
    })
    const tier = withCircuitBreaker(shared, { ...TRIPS, clock })
    const outcomes: unknown[] = []
    for (let call = 0; call < 40; call += 1) {
      outcomes.push(await run(tier.leases!, (leases) => leases.take('k')).catch((error) => error))
    }
    expect(outcomes.at(-1)).toMatchObject({ code: 'CIRCUIT_OPEN' })
    expect(shared.calls.length).toBeLessThan(40)
  })
})
