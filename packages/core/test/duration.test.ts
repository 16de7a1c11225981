import { describe, expect, it } from 'vitest'
import {
  days,
  forever,
  hours,
  milliseconds,
  minutes,
  seconds,
  toDuration,
  toTimeout,
} from '../src/index.ts'

describe('toDuration', () => {
  it.each([
    ['300ms', 300],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['12h', 43_200_000],
    ['7d', 604_800_000],
    [seconds(2), 2_000],
    [milliseconds(0), 0],
    [minutes(1), 60_000],
    [hours(1), 3_600_000],
    [days(1), 86_400_000],
    [forever, Number.POSITIVE_INFINITY],
  ] as const)('reads %s as %d ms', (input, ms) => {
    expect(toDuration(input, 'ttl')).toBe(ms)
  })

  it.each(['', '5', '5 s', '-5s', 'abc', '1e3s', 'Infinitys', -1, Number.NaN, null, undefined, {}])(
    'refuses %s and names the option',
    (input) => {
      expect(() => toDuration(input as never, 'ttl')).toThrow(/^"ttl" must be a length of time/)
    },
  )
})

describe('toTimeout', () => {
  it.each([milliseconds(0), forever])('refuses %s', (input) => {
    expect(() => toTimeout(input, 'timeout')).toThrow(
      '"timeout" must be a length of time of more than 0',
    )
  })
})
