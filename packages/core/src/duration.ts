import { invalidOption } from './options.ts'

declare const unit: unique symbol

/** A length of time in milliseconds. Build one with {@link seconds} and friends; a bare `number` has no unit. */
export type Duration = number & { readonly [unit]: 'ms' }

/** What every public option accepts for a length of time: a {@link Duration}, or text such as `'300ms'`, `'30s'`, `'5m'`, `'12h'`, `'7d'`. */
export type DurationInput = Duration | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const MS_PER = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const TEXT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/

/**
 * A length of time in ms, a fraction too.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when the amount is negative or `NaN`.
 */
export const milliseconds = (amount: number): Duration => checked(amount, 1, 'milliseconds')
/** {@link milliseconds}, a thousand at a time. */
export const seconds = (amount: number): Duration => checked(amount, MS_PER.s, 'seconds')
/** {@link seconds}, sixty at a time. */
export const minutes = (amount: number): Duration => checked(amount, MS_PER.m, 'minutes')
/** {@link minutes}, sixty at a time. */
export const hours = (amount: number): Duration => checked(amount, MS_PER.h, 'hours')
/** {@link hours}, 24 at a time, whatever the calendar says. */
export const days = (amount: number): Duration => checked(amount, MS_PER.d, 'days')

/** No end at all. The only infinite duration; `0` means "already over". */
export const forever: Duration = Number.POSITIVE_INFINITY as Duration

/**
 * Reads a public duration option.
 *
 * @param option - Name of the option, for the error message.
 * @throws {@link CacheError} `INVALID_OPTION` when the text has no known unit, or the amount is negative or `NaN`.
 */
export function toDuration(input: DurationInput, option: string): Duration {
  if (typeof input === 'number') return checked(input, 1, option)
  const match = typeof input === 'string' ? TEXT.exec(input) : null
  if (match === null) throw invalidOption(option, EXPECTED, input)
  return checked(Number(match[1]), MS_PER[match[2] as keyof typeof MS_PER], option)
}

/**
 * Reads a duration that bounds a wait, so neither nothing nor endless.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is not more than 0 and finite.
 */
export function toTimeout(input: DurationInput, option: string): Duration {
  const duration = toDuration(input, option)
  if (duration > 0 && duration !== forever) return duration
  throw invalidOption(option, 'a length of time of more than 0, and finite', input)
}

const EXPECTED = "a length of time such as '300ms', '30s', '5m', '12h' or '7d'"

function checked(amount: number, msPer: number, option: string): Duration {
  if (typeof amount === 'number' && amount >= 0) return (amount * msPer) as Duration
  throw invalidOption(option, EXPECTED, amount)
}
