import { expectTypeOf } from 'vitest'
import { CacheError, type Duration, type KeyInput, seconds, toDuration } from '../src/index.ts'

expectTypeOf(seconds(5)).toEqualTypeOf<Duration>()
toDuration('5m', 'ttl')

// @ts-expect-error a bare number has no unit
toDuration(5, 'ttl')
// @ts-expect-error unknown unit
toDuration('5 parsecs', 'ttl')

declare const error: unknown
if (CacheError.is(error, 'TOO_LARGE')) {
  expectTypeOf(error.details).toEqualTypeOf<{ readonly bytes: number; readonly maxBytes: number }>()
}

export const keys: readonly KeyInput[] = ['a', ['user', 42], ['user', null, undefined, 1n, true]]
// @ts-expect-error a tuple begins with its prefix
export const noPrefix: KeyInput = [42]
// @ts-expect-error objects have no canonical text
export const anObject: KeyInput = ['user', { id: 42 }]
