import { deferred } from '@hitbox/testing'
import { expect, it, vi } from 'vitest'
import { type Script, scriptedTier } from './support/scripted-tier.ts'
import { open, type Setting, source, turn } from './support/setup.ts'

/** A cache whose refreshes wait for the test. */
function waiting(): Setting & { readonly queued: (() => Promise<unknown>)[] } {
  const queued: (() => Promise<unknown>)[] = []
  const setting = open({
    offload: {
      register: (task) => {
        queued.push(() => task.run(new AbortController().signal))
        return true
      },
    },
  })
  return { ...setting, queued }
}

it('a caller who leaves while the tiers are asked leaves at once, and nobody loads for him', async () => {
  const gate = deferred()
  const script: Script = async (_, effect) => {
    await gate.promise
    return effect()
  }
  const { cache } = open({ tiers: [scriptedTier('store', script)] })
  const { loads, load } = source()
  const controller = new AbortController()
  const call = cache.getOrLoad('k', load, { signal: controller.signal })
  const ended = vi.fn()
  call.catch(ended)
  await turn()
  controller.abort(new Error('left'))
  await turn()
  expect(ended).toHaveBeenCalledWith(expect.objectContaining({ message: 'left' }))
  gate.resolve()
  await turn()
  expect(loads).toHaveLength(0)
})

it('a caller who left while the tiers were asked does not wait for the load', async () => {
  const gate = deferred()
  const script: Script = async (_, effect) => {
    await gate.promise
    return effect()
  }
  const { cache } = open({ tiers: [scriptedTier('store', script)] })
  const { loads, load } = source()
  const controller = new AbortController()
  const ended = vi.fn()
  cache.getOrLoad('k', load, { signal: controller.signal }).catch(ended)
  await turn()
  controller.abort(new Error('left'))
  gate.resolve()
  await turn()
  expect(ended).toHaveBeenCalled()
  for (const { signal } of loads) expect(signal.aborted).toBe(true)
  expect(cache.stats().inFlight).toBe(0)
})

it('the same for a batch', async () => {
  const gate = deferred()
  const script: Script = async (_, effect) => {
    await gate.promise
    return effect()
  }
  const { cache } = open({ tiers: [scriptedTier('store', script)] })
  const controller = new AbortController()
  const ended = vi.fn()
  const load = vi.fn(() => new Promise<string[]>(() => undefined))
  cache.getOrLoadMany(['k'], load, { signal: controller.signal }).catch(ended)
  await turn()
  controller.abort(new Error('left'))
  gate.resolve()
  await turn()
  expect(ended).toHaveBeenCalled()
  expect(cache.stats().inFlight).toBe(0)
})

it('an early refresh that failed rests before the next try', async () => {
  const { cache, clock } = open({ ttl: '10s', earlyRefresh: 1, retryAfter: '1s' })
  const { loads, load } = source()
  const first = cache.getOrLoad('k', load)
  await turn()
  clock.advance(500)
  loads[0]?.resolve('one')
  await first
  vi.spyOn(Math, 'random').mockReturnValue(Math.exp(-4))
  clock.advance(9_000)
  for (let call = 0; call < 5; call += 1) {
    await cache.getOrLoad('k', load)
    await turn()
    if (loads.length > 1) loads.at(-1)?.reject(new Error('no'))
    await turn()
    clock.advance(1)
  }
  expect(loads).toHaveLength(2)
})

it('the trace of a context ends with the answer, as that of its event', async () => {
  const { cache, clock } = open({ ttl: '1m', staleAfter: '10s' })
  await cache.set('k', 'old')
  clock.advance('10s')
  const { context } = await cache.getOrLoad.withContext('k', () => 'new')
  await turn()
  expect(context.trace).toEqual(['check', 'poll', 'stale', 'answer'])
})

it('a refresh that was put off until after a delete does not bring the value back', async () => {
  const { cache, queued } = waiting()
  await cache.set('k', 'old', { staleAfter: 0 })
  await cache.getOrLoad('k', ({ previous }) => previous?.value)
  await cache.delete('k')
  await queued[0]?.()
  await turn()
  expect(await cache.get('k')).toBeUndefined()
})

it('the same with the offload of the cache, and a delete in the same turn', async () => {
  const { cache } = open()
  await cache.set('k', 'old', { staleAfter: 0 })
  const answer = cache.getOrLoad('k', ({ previous }) => previous?.value)
  const removal = cache.delete('k')
  await Promise.all([answer, removal])
  await turn()
  expect(await cache.get('k')).toBeUndefined()
})

it('who comes after an expire during a refresh begins a new one', async () => {
  const { cache } = open()
  await cache.set('k', 'old', { staleAfter: 0 })
  const { loads, load } = source()
  await cache.getOrLoad('k', load)
  await turn()
  expect(loads).toHaveLength(1)
  await cache.expire('k')
  await cache.getOrLoad('k', load)
  await turn()
  expect(loads).toHaveLength(2)
})

it('callers at the same moment share a failure that is thrown at once', async () => {
  const { cache } = open()
  const load = vi.fn(() => {
    throw new Error('no')
  })
  await Promise.allSettled(Array.from({ length: 100 }, () => cache.getOrLoad('k', load)))
  expect(load).toHaveBeenCalledTimes(1)
})

it.each(['clear', 'invalidateTags'] as const)(
  'G: a failure from before a %s is not shared after it',
  async (how) => {
    const { cache } = open({ errorTtl: '10s', tags: ['t'] })
    await expect(cache.getOrLoad('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await (how === 'clear' ? cache.clear() : cache.invalidateTags('t'))
    expect(await cache.getOrLoad('k', () => 'v')).toBe('v')
  },
)

it('who comes after an invalidation by a tag that the load tells does not wait for that load', async () => {
  const { cache } = open()
  const { loads, load } = source()
  const tagged = (context: never): Promise<string> => {
    ;(context as { setTags: (tag: string) => void }).setTags('t')
    return load(context)
  }
  const before = cache.getOrLoad('k', tagged as never)
  await turn()
  await cache.invalidateTags('t')
  void cache.getOrLoad('k', tagged as never)
  await turn()
  expect(loads).toHaveLength(2)
  for (const one of loads) one.resolve('v')
  await before
})

it('a load for who asked before a delete does not get what was deleted', async () => {
  const { cache } = open({ stalePolicy: 'revalidate' })
  await cache.set('k', 'old', { staleAfter: 0 })
  const previous: unknown[] = []
  const answer = cache.getOrLoad('k', (context) => {
    previous.push(context.previous?.value)
    return 'new'
  })
  const removal = cache.delete('k')
  await Promise.all([answer, removal])
  expect(previous).toEqual([undefined])
})

it('a refresh begins anew from what a change has put in place, if that is old already', async () => {
  const { cache, queued } = waiting()
  await cache.set('k', 'old', { staleAfter: 0 })
  const load = vi.fn(
    ({ previous }: { previous: { value: unknown } | undefined }) => previous?.value,
  )
  await cache.getOrLoad('k', load)
  await cache.set('k', 'newer', { staleAfter: 0 })
  await queued[0]?.()
  expect(load.mock.calls[0]?.[0].previous?.value).toBe('newer')
  await cache.set('k', 'fresh')
  await queued[0]?.()
  expect(load).toHaveBeenCalledTimes(1)
})
