import { manualClock } from '@hitbox/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CallContext, createCache, type Outcome } from '../src/index.ts'
import { scriptedTier, soon } from './support/scripted-tier.ts'
import { memory, source, turn } from './support/setup.ts'

/** What may happen next, in any order, without waiting for what happened before. */
const step = fc.record({
  what: fc.constantFrom(
    'get',
    'load',
    'load',
    'fresh',
    'many',
    'set',
    'delete',
    'succeed',
    'fail',
    'leave',
    'time',
    'turn',
  ),
  key: fc.constantFrom('a', 'b'),
})

function outcomeOf({ status, forward }: CallContext): Outcome {
  if (status !== 'forward') return status
  return forward === 'bypass' ? 'bypass' : 'miss'
}

const PLURAL = { hit: 'hits', stale: 'stale', miss: 'misses', bypass: 'bypasses' } as const

describe('counters', () => {
  it('add up, whatever happens at the same time: in stats, events and contexts alike', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.boolean(), async (steps, remote) => {
        const clock = manualClock()
        const told = { hit: 0, stale: 0, miss: 0, bypass: 0 }
        const seen = { hit: 0, stale: 0, miss: 0, bypass: 0 }
        let failed = 0
        const cache = createCache<string>({
          clock,
          tiers: remote ? [memory(clock), scriptedTier('remote', soon)] : [memory(clock)],
          ttl: '10s',
          staleAfter: '4s',
          staleIfError: '10s',
          errorTtl: '1s',
          onEvent: (event) => {
            if (event.type === 'call') told[event.outcome] += 1
          },
        })
        const { loads, load } = source()
        const leavers: AbortController[] = []
        const calls: Promise<unknown>[] = []
        const note = (answer: Promise<{ readonly context: CallContext }>): void => {
          calls.push(
            answer.then(
              ({ context }) => {
                seen[outcomeOf(context)] += 1
              },
              () => {
                failed += 1
              },
            ),
          )
        }
        for (const { what, key } of steps) {
          if (what === 'get') note(cache.get.withContext(key))
          else if (what === 'load') {
            const controller = new AbortController()
            leavers.push(controller)
            note(cache.getOrLoad.withContext(key, load, { signal: controller.signal }))
          } else if (what === 'fresh') {
            note(cache.getOrLoad.withContext(key, load, { reload: true }))
          } else if (what === 'many') {
            const batch = cache.getOrLoadMany.withContext(['a', 'b'], async (missing, context) => {
              const value = await load({ signal: context.signal, previous: undefined })
              return missing.map(() => value)
            })
            for (const place of [0, 1]) {
              note(
                batch.then((results) => {
                  const result = results[place]
                  if (result?.ok === true) return result.value
                  throw result?.error
                }),
              )
            }
          } else if (what === 'set') await cache.set(key, 'set')
          else if (what === 'delete') await cache.delete(key)
          else if (what === 'succeed') loads.shift()?.resolve('made')
          else if (what === 'fail') loads.shift()?.reject(new Error('no'))
          else if (what === 'leave') leavers.shift()?.abort(new Error('left'))
          else if (what === 'time') clock.advance('3s')
          else await turn()
        }
        for (let round = 0; round < 5; round += 1) {
          await turn()
          for (const one of loads.splice(0)) one.resolve('made')
        }
        await Promise.all(calls)
        await turn()
        const stats = cache.stats()
        expect(stats.hits + stats.stale + stats.misses + stats.bypasses).toBe(stats.calls)
        expect(stats.calls).toBe(calls.length)
        for (const outcome of ['hit', 'stale', 'miss', 'bypass'] as const) {
          expect(told[outcome]).toBe(stats[PLURAL[outcome]])
          expect(seen[outcome]).toBeLessThanOrEqual(stats[PLURAL[outcome]])
        }
        expect(seen.hit + seen.stale + seen.miss + seen.bypass + failed).toBe(stats.calls)
        expect(stats.inFlight).toBe(0)
        const { loads: begun, loadErrors, loadsAbandoned, stores, storeErrors, overtaken } = stats
        expect(stores + storeErrors + overtaken + loadErrors + loadsAbandoned).toBe(begun)
        await cache.close({ timeout: 0 })
      }),
      { numRuns: 400 },
    )
  })

  it('count the quick way like the observed one', async () => {
    const run = async (observed: boolean): Promise<unknown> => {
      const onEvent = observed ? (): void => undefined : undefined
      const cache = createCache({ ttl: '1m', onEvent })
      for (let call = 0; call < 5; call += 1) await cache.getOrLoad('k', () => 1)
      await cache.get('k')
      await cache.get('none')
      const cached = cache.fn('f', () => 1)
      await cached()
      await cached()
      const { calls, hits, stale, misses, bypasses } = cache.stats()
      await cache.close()
      return { calls, hits, stale, misses, bypasses }
    }
    expect(await run(false)).toEqual({ calls: 9, hits: 6, stale: 0, misses: 3, bypasses: 0 })
    expect(await run(true)).toEqual(await run(false))
  })
})
