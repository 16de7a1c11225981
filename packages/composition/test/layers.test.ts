import {
  type CacheBackend,
  CacheError,
  type CacheEvent,
  type CacheErrorCode,
  type CacheValue,
  createContext,
  isPromise,
  type ItemResult,
} from '@hitbox/core'
import { memoryBackend } from '@hitbox/memory'
import { type Deferred, deferred, expectNoLeaks, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import {
  borrowed,
  type CircuitBreakerOptions,
  compose,
  withCircuitBreaker,
  withConcurrency,
  withDeadline,
} from '../src/index.ts'
import { turn } from './support/explore.ts'
import { failure, scriptedTier } from './support/scripted-tier.ts'

const NEVER = Number.POSITIVE_INFINITY
const value = (data: unknown): CacheValue<unknown> => ({
  data,
  staleAt: NEVER,
  expiresAt: NEVER,
  meta: undefined,
})
const never = (): Promise<never> => new Promise(() => {})

/** How an operation ends, sooner or later. */
async function outcome(run: () => unknown): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    return CacheError.is(error) ? error.code : error
  }
}
const codes = (results: readonly ItemResult<unknown>[]): unknown[] =>
  results.map((result) => (result.ok ? 'ok' : (result.error as CacheError).code))

const LAYERS: Readonly<Record<string, (inner: CacheBackend) => CacheBackend>> = {
  withDeadline: (inner) => withDeadline(inner, '1s'),
  withCircuitBreaker: (inner) => withCircuitBreaker(inner, { failures: 3, openFor: '1s' }),
  withConcurrency: (inner) => withConcurrency(inner, { maxConcurrent: 2 }),
  borrowed,
  'all of them': (inner) =>
    withCircuitBreaker(withDeadline(withConcurrency(borrowed(inner), { maxConcurrent: 2 }), '1s'), {
      failures: 3,
      openFor: '1s',
    }),
  'all of them, the other way': (inner) =>
    borrowed(
      withConcurrency(
        withDeadline(withCircuitBreaker(inner, { failures: 3, openFor: '1s' }), '1s'),
        { maxConcurrent: 2 },
      ),
    ),
}

describe.each(Object.entries(LAYERS))('%s', (name, layer) => {
  it('keeps label, peek, counts and answers at once', () => {
    const memory = memoryBackend({ maxEntries: 10 })
    const backend = layer(memory)
    expect(backend.label).toBe('memory')
    expect(backend.set('k', value(1))).toBeUndefined()
    expect(backend.get('k')).toEqual(value(1))
    expect(backend.peek?.('k')).toEqual(value(1))
    expect(backend.setMany([['l', value(2)]])).toEqual([{ ok: true, value: undefined }])
    expect(backend.getMany(new Set(['l', 'm']))).toEqual([
      { ok: true, value: value(2) },
      { ok: true, value: undefined },
    ])
    expect(backend.deleteMany(['l'])).toMatchObject([{ ok: true, value: { count: 1 } }])
    expect(backend.delete('k')).toEqual({ status: 'deleted', count: 1 })
    expect(backend.stats()).toEqual(memory.stats())
  })

  it('has no peek where the backend has none', () => {
    expect(typeof layer(scriptedTier('plain')).peek).toBe('undefined')
  })

  it('explains what the backend explains, at once or later, single and in batches', async () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 10, clock })
    memory.set('k', value(1))
    const late = scriptedTier('late')
    late.get = async (key, options) => memory.get(key, options)
    late.getMany = async (keys, options) => memory.getMany(keys, options)
    for (const backend of [layer(memory), layer(late)]) {
      const expected = [createContext(), createContext()]
      memory.getMany(['k', 'none'], { contexts: expected })
      expect(expected[0]).toMatchObject({ status: 'hit', source: 'memory', ttlMs: NEVER })
      const single = [createContext(), createContext()]
      await backend.get('k', { context: single[0] })
      await backend.get('none', { context: single[1] })
      expect(single).toEqual(expected)
      const contexts = [createContext(), undefined, createContext()]
      await backend.getMany(['k', 'k', 'none'], { contexts })
      expect(contexts).toEqual([expected[0], undefined, expected[1]])
    }
  })

  it('passes by on the way to what is there at once, until it is closed', async () => {
    const memory = memoryBackend({ maxEntries: 10 })
    memory.set('k', value(1))
    const backend = layer(memory)
    expect(backend.hit?.('k')).toBe(memory.peek('k'))
    expect(backend.hit?.('none')).toBeUndefined()
    expect(typeof layer(scriptedTier('late')).hit).toBe('undefined')
    await backend.close()
    expect(() => backend.hit?.('k')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it('adds what failed below to what failed before', async () => {
    const before = new Error('before')
    const store = scriptedTier('store')
    const tiers = compose(
      scriptedTier('broken', () => Promise.reject(failure())),
      store,
    )
    const backend = layer(tiers)
    const context = createContext()
    context.failures.push(before)
    await backend.get('k', { context })
    await backend.getMany(['k'], { contexts: [context] })
    expect(context.failures).toEqual([before, failure(), failure()])
    expect(context.missReason).toBe('absent')
  })

  it('explains what failed although nothing was answered, at once or later', async () => {
    for (const script of [
      () => Promise.reject(failure()),
      () => {
        throw failure()
      },
    ]) {
      const backend = layer(compose(scriptedTier('a', script), scriptedTier('b', script)))
      const context = createContext()
      expect(await outcome(() => backend.get('k', { context }))).toBe('BOTH_TIERS_FAILED')
      expect(context.failures).toEqual([failure(), failure()])
    }
  })

  it('has the lowest tier in the same layer, as long as it is open', async () => {
    expect(layer(scriptedTier('plain')).lowest).toBeUndefined()
    const upper = memoryBackend({ maxEntries: 10 })
    const lower = memoryBackend({ maxEntries: 10, label: 'lower' })
    const tiers = compose(upper, lower)
    const backend = layer(tiers)
    const lowest = backend.lowest!
    expect([lowest.label, lowest.lowest]).toEqual(['lower', undefined])
    upper.set('k', value('copy'))
    lower.set('k', value('final'))
    expect(lowest.get('k')).toEqual(value('final'))
    // Closing the part leaves the whole as it was.
    await lowest.close()
    expect(await outcome(() => lowest.get('k'))).toBe('CLOSED')
    expect(backend.get('k')).toEqual(value('copy'))
    const other = layer(compose(borrowed(upper), borrowed(lower)))
    const part = other.lowest!
    await other.close()
    expect(await outcome(() => part.get('k'))).toBe('CLOSED')
  })

  it('says what the backend says of meta', () => {
    expect(layer(scriptedTier('plain')).keepsMeta).toBe(true)
    expect(layer(Object.assign(scriptedTier('raw'), { keepsMeta: false })).keepsMeta).toBe(false)
  })

  it('hands on what a reader accepts', async () => {
    const upper = memoryBackend({ maxEntries: 10 })
    const lower = memoryBackend({ maxEntries: 10, label: 'lower' })
    upper.set('k', value('old'))
    lower.set('k', value('new'))
    const backend = layer(compose(upper, lower))
    const accept = ({ data }: CacheValue<unknown>): boolean => data !== 'old'
    expect(await backend.get('k')).toEqual(value('old'))
    const context = createContext()
    expect(await backend.get('k', { accept, context })).toEqual(value('new'))
    upper.set('k', value('old'))
    expect(await backend.get('k', { accept })).toEqual(value('new'))
    upper.set('k', value('old'))
    expect(await backend.getMany(['k'], { accept })).toEqual([{ ok: true, value: value('new') }])
    upper.set('k', value('old'))
    expect(await backend.getMany(['k'], { accept, contexts: [createContext()] })).toEqual([
      { ok: true, value: value('new') },
    ])
    await backend.close()
  })

  it('drops everything where the backend can, until it is closed; never what is lent', async () => {
    const memory = memoryBackend({ maxEntries: 10 })
    const backend = layer(memory)
    memory.set('k', value(1))
    const lent = name === 'borrowed' || name.startsWith('all of them')
    expect(typeof backend.clear).toBe(lent ? 'undefined' : 'function')
    if (lent) return
    backend.clear?.()
    expect(memory.size).toBe(0)
    await backend.close()
    expect(await outcome(() => backend.clear!())).toBe('CLOSED')
    const shared = Object.assign(scriptedTier('shared'), { clear: undefined })
    expect(typeof layer(shared).clear).toBe('undefined')
  })

  it('hands failures on as they are, at once or later', async () => {
    const error = failure()
    const throws = scriptedTier('throws', () => {
      throw error
    })
    expect(() => layer(throws).get('k')).toThrow(error)
    const rejects = scriptedTier('rejects', () => Promise.reject(error))
    await expect(layer(rejects).set('k', value(1))).rejects.toBe(error)
    rejects.getMany = () => Promise.reject(error)
    await expect(layer(rejects).getMany(['k'])).rejects.toBe(error)
    throws.deleteMany = () => {
      throw error
    }
    expect(() => layer(throws).deleteMany(['k'])).toThrow(error)
  })

  it('closes once, and fails with CLOSED from then on', async () => {
    const inner = scriptedTier('inner')
    const backend = layer(inner)
    await expect(backend.ready()).resolves.toBeUndefined()
    await Promise.all([backend.close(), backend[Symbol.asyncDispose]()])
    expect(inner.closed).toBe(name.startsWith('with') ? 1 : 0)
    for (const run of [
      () => backend.get('k'),
      () => backend.set('k', value(1)),
      () => backend.delete('k'),
      () => backend.getMany(['k']),
      () => backend.setMany([['k', value(1)]]),
      () => backend.deleteMany(['k']),
      () => backend.ready(),
    ]) {
      expect(await outcome(run)).toBe('CLOSED')
    }
  })

  it('refuses what is no backend', async () => {
    expect(await outcome(() => layer({} as CacheBackend))).toBe('INVALID_OPTION')
  })
})

describe('withDeadline', () => {
  it('fails an operation that takes too long, and only that one', async () => {
    const clock = manualClock()
    const slow = deferred()
    const store = scriptedTier('store', async (call, effect) => {
      if (call.key === 'hung') return never()
      if (call.key === 'slow') await slow.promise
      return effect()
    })
    const backend = withDeadline(store, '200ms', { clock })
    const hung = outcome(() => backend.get('hung'))
    const late = outcome(() => backend.set('slow', value(1)))
    const quick = outcome(() => backend.delete('quick'))
    clock.advance(199)
    expect(await quick).toEqual({ status: 'missing', count: 0 })
    slow.resolve()
    await turn()
    clock.advance(1)
    expect(await hung).toBe('TIMEOUT')
    expect(await late).toBeUndefined()
  })

  it('says what took how long, where', async () => {
    const clock = manualClock()
    const backend = withDeadline(scriptedTier('store', never), '200ms', { clock })
    const late = Promise.resolve(backend.delete('k')).catch((error: unknown) => error)
    clock.advance(200)
    expect(await late).toMatchObject({
      code: 'TIMEOUT',
      message: 'backend "store" took longer than 200 ms to remove',
      details: { source: 'store', operation: 'remove', timeoutMs: 200 },
    })
  })

  it('fails every item of a batch that is late', async () => {
    const clock = manualClock()
    const backend = withDeadline(scriptedTier('store', never), '200ms', { clock })
    const reads = backend.getMany(['a', 'b'])
    const writes = backend.setMany([['a', value(1)]])
    clock.advance(200)
    expect(codes(await reads)).toEqual(['TIMEOUT', 'TIMEOUT'])
    expect(codes(await writes)).toEqual(['TIMEOUT'])
  })

  it('lets nothing that comes too late into a context', async () => {
    const clock = manualClock()
    const memory = memoryBackend({ maxEntries: 10, clock, label: 'slow' })
    memory.set('k', value(1))
    const gate = deferred()
    const slow = scriptedTier('slow')
    slow.get = async (key, options) => gate.promise.then(() => memory.get(key, options))
    slow.getMany = async (keys, options) => gate.promise.then(() => memory.getMany(keys, options))
    const store = memoryBackend({ maxEntries: 10, clock, label: 'store' })
    store.set('k', value(2))
    const tiers = compose(withDeadline(slow, '200ms', { clock }), store, { clock })
    const single = createContext()
    const batch = [createContext(), createContext()]
    const reads = [
      tiers.get('k', { context: single }),
      tiers.getMany(['k', 'none'], { contexts: batch }),
    ]
    clock.advance(200)
    for (const read of reads) await read
    const expected = { status: 'hit', source: 'tiers.store', failures: [{ code: 'TIMEOUT' }] }
    expect(single).toMatchObject(expected)
    expect(batch).toMatchObject([
      expected,
      { status: 'forward', missReason: 'absent', failures: [{ code: 'TIMEOUT' }] },
    ])
    const before = structuredClone([single.source, ...batch.map(({ source }) => source)])
    gate.resolve()
    await turn()
    expect(memory.stats().hits).toBe(2)
    expect([single.source, ...batch.map(({ source }) => source)]).toEqual(before)
    expect(single.ttlMs).toBe(NEVER)
  })

  it('bounds the lowest tier of what it is around, too', async () => {
    const clock = manualClock()
    const hung = scriptedTier('hung', never)
    const backend = withDeadline(compose(scriptedTier('upper'), hung), '200ms', { clock })
    const reads = [backend.lowest!.get('k'), backend.lowest!.getMany(['k'])]
    const ends = reads.map((read) => outcome(() => read))
    clock.advance(200)
    expect(await ends[0]).toBe('TIMEOUT')
    expect(codes((await ends[1]) as ItemResult<unknown>[])).toEqual(['TIMEOUT'])
  })

  it('handles what the backend says too late', async () => {
    const clock = manualClock()
    const end = deferred<never>()
    const backend = withDeadline(
      scriptedTier('store', () => end.promise),
      '200ms',
      { clock },
    )
    await expectNoLeaks(async () => {
      const read = outcome(() => backend.get('k'))
      clock.advance(200)
      expect(await read).toBe('TIMEOUT')
      end.reject(new Error('late'))
      await turn()
    })
  })

  it('leaves no timer behind when it is closed, and ends what runs by then', async () => {
    await expectNoLeaks(async () => {
      const backend = withDeadline(
        scriptedTier('store', async (_, effect) => effect()),
        '10m',
      )
      await backend.get('k')
      await backend.close()
    })
    const clock = manualClock()
    const backend = withDeadline(scriptedTier('store', never), '1s', { clock })
    const read = outcome(() => backend.get('k'))
    await backend.close()
    clock.advance('1s')
    expect(await read).toBe('TIMEOUT')
    await turn()
    expect(clock.pendingTimers).toBe(0)
  })

  it.each(['0ms', '-1s', 'forever'] as const)('refuses %s', (timeout) => {
    expect(() => withDeadline(scriptedTier('store'), timeout as '1s')).toThrow('"timeout" must be')
  })
})

describe('withConcurrency', () => {
  it('lets so many run, the next wait in order, and refuses the rest', async () => {
    const gates = new Map<string, Deferred<void>>()
    const store = scriptedTier('store', async (call, effect) => {
      const gate = deferred()
      gates.set(call.key, gate)
      await gate.promise
      return effect()
    })
    const backend = withConcurrency(store, { maxConcurrent: 2, maxQueued: 2 })
    const runs = ['a', 'b', 'c', 'd'].map((key) => outcome(() => backend.get(key)))
    expect([...gates.keys()]).toEqual(['a', 'b'])
    expect(await outcome(() => backend.get('e'))).toBe('OVERLOADED')
    expect(codes(await backend.deleteMany(['e', 'f']))).toEqual(['OVERLOADED', 'OVERLOADED'])
    expect(() => backend.get('e')).toThrow('backend "store" has 2 operations running and 2 waiting')
    gates.get('b')?.resolve()
    await turn()
    expect([...gates.keys()]).toEqual(['a', 'b', 'c'])
    gates.get('a')?.resolve()
    gates.get('c')?.resolve()
    await turn()
    gates.get('d')?.resolve()
    expect(await Promise.all(runs)).toEqual([undefined, undefined, undefined, undefined])
    expect(await outcome(() => store.calls.length)).toBe(4)
  })

  it('goes on when somebody closes the lowest tier of what it is around', async () => {
    const gate = deferred()
    const slow = scriptedTier('slow', async (_, effect) => gate.promise.then(effect))
    const backend = withConcurrency(compose(scriptedTier('upper'), slow), { maxConcurrent: 1 })
    const writes = ['a', 'b'].map((key) => outcome(() => backend.set(key, value(key))))
    await backend.lowest?.close()
    gate.resolve()
    expect(await Promise.all(writes)).toEqual([undefined, undefined])
    expect([...slow.entries.keys()]).toEqual(['a', 'b'])
  })

  it('has hits explained that had to wait for their turn', async () => {
    const memory = memoryBackend({ maxEntries: 10 })
    memory.set('k', value(1))
    const gate = deferred()
    const slow = scriptedTier('memory', () => gate.promise as never)
    slow.get = (key, options) => memory.get(key, options)
    const backend = withConcurrency(slow, { maxConcurrent: 1 })
    const holding = backend.set('other', value(1))
    const context = createContext()
    const waiting = backend.get('k', { context })
    gate.resolve()
    await Promise.all([holding, waiting])
    expect(context).toMatchObject({ status: 'hit', source: 'memory' })
  })

  it('gives the place of an operation that fails, at once or later, to the next', async () => {
    const gate = deferred()
    const store = scriptedTier('store', (call, effect) => {
      if (call.key === 'first') return gate.promise.then(() => Promise.reject(failure()))
      if (call.key === 'throws') throw failure()
      return effect()
    })
    const backend = withConcurrency(store, { maxConcurrent: 1 })
    const runs = ['first', 'throws', 'at once', 'throws', 'last'].map((key) =>
      outcome(() => backend.get(key)),
    )
    gate.resolve()
    expect(await Promise.all(runs)).toEqual([
      'BACKEND_FAILED',
      'BACKEND_FAILED',
      undefined,
      'BACKEND_FAILED',
      undefined,
    ])
    expect(isPromise(backend.get('after'))).toBe(false)
  })

  it('works off a long queue of operations that are answered at once', async () => {
    const gate = deferred()
    let first = true
    const store = scriptedTier('store', (_, effect) => {
      if (!first) return effect()
      first = false
      return gate.promise.then(effect)
    })
    const backend = withConcurrency(store, { maxConcurrent: 1, maxQueued: 50_000 })
    const runs = Array.from({ length: 50_000 }, async (_, index) => backend.get(`k${index}`))
    gate.resolve()
    expect((await Promise.all(runs)).length).toBe(50_000)
  })

  it('fails what waits when it is closed', async () => {
    const backend = withConcurrency(scriptedTier('store', never), { maxConcurrent: 1 })
    void outcome(() => backend.get('running'))
    const waiting = outcome(() => backend.get('waiting'))
    await backend.close()
    expect(await waiting).toBe('CLOSED')
  })

  it.each([{ maxConcurrent: 0 }, { maxConcurrent: 1, maxQueued: -1 }, {} as { maxConcurrent: 1 }])(
    'refuses %j',
    (options) => {
      expect(() => withConcurrency(scriptedTier('store'), options)).toThrow(
        'must be a whole number',
      )
    },
  )
})

describe('withCircuitBreaker', () => {
  function open(options: Partial<CircuitBreakerOptions> = {}): {
    clock: ReturnType<typeof manualClock>
    store: ReturnType<typeof scriptedTier>
    backend: CacheBackend
    states: string[]
    answers: { next: 'ok' | 'fail' | CacheErrorCode }
  } {
    const clock = manualClock()
    const answers: { next: 'ok' | 'fail' | CacheErrorCode } = { next: 'fail' }
    const store = scriptedTier('store', async (_, effect) => {
      if (answers.next === 'ok') return effect()
      if (answers.next === 'fail') throw failure()
      throw new CacheError(answers.next, 'scripted', { details: {} as never })
    })
    const states: string[] = []
    const onEvent = (event: CacheEvent): void => {
      if (event.type === 'circuit') states.push(`${event.source} ${event.state}`)
    }
    const backend = withCircuitBreaker(store, {
      failures: 3,
      openFor: '2s',
      clock,
      onEvent,
      ...options,
    })
    return { clock, store, backend, states, answers }
  }
  const times = async (count: number, run: () => unknown): Promise<unknown[]> => {
    const outcomes: unknown[] = []
    for (let index = 0; index < count; index += 1) outcomes.push(await outcome(run))
    return outcomes
  }

  it('opens after failures in a row, probes after a while, and closes on success', async () => {
    const { clock, store, backend, states, answers } = open()
    expect(await times(4, () => backend.get('k'))).toEqual([
      'BACKEND_FAILED',
      'BACKEND_FAILED',
      'BACKEND_FAILED',
      'CIRCUIT_OPEN',
    ])
    expect(store.calls.length).toBe(3)
    clock.advance(500)
    await expect(async () => backend.get('k')).rejects.toMatchObject({
      details: { source: 'store', retryInMs: 1_500 },
    })
    expect(codes(await backend.getMany(['a', 'b']))).toEqual(['CIRCUIT_OPEN', 'CIRCUIT_OPEN'])
    clock.advance(1_499)
    expect(await outcome(() => backend.get('k'))).toBe('CIRCUIT_OPEN')
    clock.advance(1)
    answers.next = 'ok'
    expect(await outcome(() => backend.get('k'))).toBeUndefined()
    expect(await times(2, () => backend.get('k'))).toEqual([undefined, undefined])
    expect(states).toEqual(['store open', 'store half-open', 'store closed'])
  })

  it('lets one probe through at a time, and opens again when it fails', async () => {
    const { clock, store, backend, states } = open()
    await times(3, () => backend.get('k'))
    clock.advance('2s')
    const probes = [outcome(() => backend.get('k')), outcome(() => backend.get('k'))]
    expect(await Promise.all(probes)).toEqual(['BACKEND_FAILED', 'CIRCUIT_OPEN'])
    expect(await outcome(() => backend.get('k'))).toBe('CIRCUIT_OPEN')
    expect(store.calls.length).toBe(4)
    expect(states).toEqual(['store open', 'store half-open', 'store open'])
    clock.advance('2s')
    expect(await outcome(() => backend.get('k'))).toBe('BACKEND_FAILED')
  })

  it('closes after as many probes as asked for', async () => {
    const { clock, backend, states, answers } = open({ probes: 3 })
    await times(3, () => backend.get('k'))
    clock.advance('2s')
    answers.next = 'ok'
    await times(2, () => backend.get('k'))
    expect(states.at(-1)).toBe('store half-open')
    await backend.get('k')
    expect(states.at(-1)).toBe('store closed')
  })

  it('gives the place of a probe that hangs to the next', async () => {
    const { clock, store, backend, states, answers } = open()
    await times(3, () => backend.get('k'))
    clock.advance('2s')
    const script = store.script
    const hung = deferred()
    store.script = async (_, effect) => {
      await hung.promise
      return effect()
    }
    const probe = outcome(() => backend.get('k'))
    await turn()
    clock.advance('1999ms')
    expect(await outcome(() => backend.get('k'))).toBe('CIRCUIT_OPEN')
    clock.advance('1ms')
    store.script = script
    expect(await outcome(() => backend.get('k'))).toBe('BACKEND_FAILED')
    // The first probe succeeds too late to matter.
    hung.resolve()
    expect(await probe).toBeUndefined()
    expect(states.at(-1)).toBe('store open')
    answers.next = 'ok'
    clock.advance('2s')
    await backend.get('k')
    expect(states.at(-1)).toBe('store closed')
  })

  it.each(['ok', 'fail'] as const)(
    'heeds nothing that began before it opened: %s',
    async (late) => {
      const { clock, store, backend, states } = open()
      const script = store.script
      const old = deferred()
      store.script = async (_, effect) => {
        await old.promise
        if (late === 'fail') throw failure()
        return effect()
      }
      const begun = outcome(() => backend.get('k'))
      store.script = script
      await times(3, () => backend.get('k'))
      clock.advance('2s')
      store.script = never
      void outcome(() => backend.get('probe'))
      old.resolve()
      await begun
      expect(states).toEqual(['store open', 'store half-open'])
      expect(await outcome(() => backend.get('k'))).toBe('CIRCUIT_OPEN')
    },
  )

  it('counts failures in a row: a success starts anew', async () => {
    const { backend, states, answers } = open()
    for (let round = 0; round < 3; round += 1) {
      answers.next = 'fail'
      await times(2, () => backend.get('k'))
      answers.next = 'ok'
      await backend.get('k')
    }
    expect(states).toEqual([])
  })

  it('counts failures that are near each other only, when a window is given', async () => {
    const { clock, backend, states } = open({ window: '10s' })
    for (let round = 0; round < 5; round += 1) {
      await outcome(() => backend.get('k'))
      clock.advance('6s')
    }
    expect(states).toEqual([])
    await times(2, () => backend.get('k'))
    expect(states).toEqual(['store open'])
  })

  it.each<CacheErrorCode>([
    'INVALID_KEY',
    'INVALID_OPTION',
    'ENCODE_FAILED',
    'TOO_LARGE',
    'UNSUPPORTED',
    'CLOSED',
    'CIRCUIT_OPEN',
    'OVERLOADED',
  ])('counts %s neither way', async (code) => {
    const { clock, backend, states, answers } = open()
    await times(2, () => backend.get('k'))
    answers.next = code
    await times(5, () => backend.get('k'))
    await backend.getMany(['a', 'b'])
    expect(states).toEqual([])
    answers.next = 'fail'
    await outcome(() => backend.get('k'))
    expect(states).toEqual(['store open'])
    clock.advance('2s')
    answers.next = code
    await times(2, () => backend.get('k'))
    // Such a probe says nothing, and leaves its place to the next.
    expect(states.at(-1)).toBe('store half-open')
    answers.next = 'ok'
    await backend.get('k')
    expect(states.at(-1)).toBe('store closed')
  })

  it('counts a batch once, as failed only when nothing in it succeeded', async () => {
    const { store, backend, states } = open()
    const script = store.script
    store.script = async (call, effect) => {
      if (call.key.startsWith('bad')) throw failure()
      return effect()
    }
    for (let round = 0; round < 5; round += 1) await backend.getMany(['bad1', 'good', 'bad2'])
    expect(states).toEqual([])
    for (let round = 0; round < 2; round += 1) await backend.setMany([['bad', value(1)]])
    expect(states).toEqual([])
    store.script = script
    await backend.deleteMany(['a', 'b', 'c'])
    expect(states).toEqual(['store open'])
  })

  it('counts batches that fail as a whole', async () => {
    const { store, backend, states } = open()
    store.getMany = () => Promise.reject(failure())
    store.deleteMany = () => {
      throw failure()
    }
    await times(2, () => backend.getMany(['k']))
    await times(1, () => backend.deleteMany(['k']))
    expect(states).toEqual(['store open'])
  })

  it('is opened by failures that come at once too', async () => {
    const backend = withCircuitBreaker(
      scriptedTier('store', () => {
        throw failure()
      }),
      { failures: 2, openFor: '1s' },
    )
    expect(await times(3, () => backend.get('k'))).toEqual([
      'BACKEND_FAILED',
      'BACKEND_FAILED',
      'CIRCUIT_OPEN',
    ])
  })

  it.each<Partial<CircuitBreakerOptions>>([
    { failures: 0 },
    { failures: 1_001 },
    { openFor: '0ms' },
    { probes: 0 },
    { window: 'x' as '1s' },
    { opensFor: '1s' } as Partial<CircuitBreakerOptions>,
  ])('refuses %j', (options) => {
    expect(() => open(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
  })
})
