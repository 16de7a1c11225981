import type { CacheBackend, Offload } from '@hitbox/core'
import { expectTypeOf } from 'vitest'
import {
  borrowed,
  compose,
  type ComposeOptions,
  offloadManager,
  type OffloadManager,
  tierGuard,
  type TierGuard,
  withCircuitBreaker,
  withConcurrency,
  withDeadline,
} from '../src/index.ts'

declare const a: CacheBackend
declare const b: CacheBackend

expectTypeOf(compose(a, b)).toEqualTypeOf<CacheBackend>()
expectTypeOf(compose(a, b, a, b, { label: 'x' })).toEqualTypeOf<CacheBackend>()
compose(a, b, {
  read: { policy: 'race', losers: 'drop' },
  write: { policy: 'race' },
  maxTtl: [undefined, '1m'],
  clock: undefined,
})
// @ts-expect-error one tier is no composition
compose(a)
// @ts-expect-error options do not count as a tier
compose(a, {})
// @ts-expect-error a misspelt option
compose(a, b, { lable: 'x' })
// @ts-expect-error a bare number has no unit
compose(a, b, { maxTtl: [60] })
// @ts-expect-error only a race has losers
compose(a, b, { read: { policy: 'parallel', losers: 'drop' } })
// @ts-expect-error `through` is a way of writing
compose(a, b, { read: 'through' })

expectTypeOf(offloadManager()).toExtend<Offload>()
expectTypeOf<OffloadManager['drain']>().returns.toEqualTypeOf<Promise<boolean>>()
expectTypeOf(tierGuard()).toExtend<TierGuard>()
expectTypeOf<ComposeOptions['guard']>().toEqualTypeOf<TierGuard | undefined>()

expectTypeOf(withDeadline(a, '200ms')).toEqualTypeOf<CacheBackend>()
// @ts-expect-error a bare number has no unit
withDeadline(a, 200)
// @ts-expect-error there is no safe default for a bound
withConcurrency(a, {})
// @ts-expect-error how long it stays open must be said
withCircuitBreaker(a, { failures: 3 })
expectTypeOf(borrowed(a)).toEqualTypeOf<CacheBackend>()

const got = await compose(a, b).get<{ name: string }>('user:1')
expectTypeOf(got?.data).toEqualTypeOf<{ name: string } | undefined>()
