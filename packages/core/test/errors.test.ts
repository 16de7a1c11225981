import { describe, expect, it } from 'vitest'
import { CacheError, invalidOption, knownOptions, oneOf, wholeNumber } from '../src/index.ts'

describe('CacheError', () => {
  it('is recognised by brand and code, also from another copy of the package', () => {
    const error = invalidOption('ttl', 'positive', 0)
    expect(CacheError.is(error)).toBe(true)
    expect(CacheError.is(error, 'INVALID_OPTION')).toBe(true)
    expect(CacheError.is(error, 'TIMEOUT')).toBe(false)
    const foreign = Object.assign(new Error('x'), { '~hitbox/CacheError': true, code: 'TIMEOUT' })
    expect(CacheError.is(foreign, 'TIMEOUT')).toBe(true)
    expect(CacheError.is(new Error('x'))).toBe(false)
    expect(CacheError.is(null)).toBe(false)
  })

  it('keeps the cause, and shows no brand when logged', () => {
    const cause = new Error('inner')
    const error = new CacheError('DECODE_FAILED', 'no', { cause, details: { format: 'cbor' } })
    expect(error.cause).toBe(cause)
    expect(Object.keys(error)).not.toContain('~hitbox/CacheError')
  })
})

describe('options', () => {
  it.each([
    [
      () => wholeNumber('retries', 1.5, { min: 0 }),
      '"retries" must be a whole number of 0 or more, got 1.5',
    ],
    [
      () => wholeNumber('level', 10, { min: 0, max: 9 }),
      '"level" must be a whole number from 0 to 9, got 10',
    ],
    [
      () => wholeNumber('level', '5', { min: 0 }),
      '"level" must be a whole number of 0 or more, got "5"',
    ],
    [
      () => oneOf('read', 'fast', ['race', 'parallel']),
      '"read" must be one of \'race\', \'parallel\', got "fast"',
    ],
    [
      () => knownOptions('f', { maxEntires: 1 }, ['maxEntries']),
      '"maxEntires" is not an option of f; it takes maxEntries',
    ],
    [
      () => knownOptions('f', undefined, []),
      '"options" must be an object with the options of f, got undefined',
    ],
    [() => invalid('x'.repeat(100)), 'got a text of 100 characters'],
    [() => invalid(Symbol('s')), 'got a symbol'],
    [() => invalid(() => 1), 'got a function'],
    [() => invalid([1]), 'got an array'],
    [() => invalid(null), 'got null'],
    [() => invalid(5n), 'got 5n'],
  ])('say what was expected and what came (%#)', (call, message) => {
    expect(call).toThrow(message)
  })
})

function invalid(value: unknown): never {
  throw invalidOption('o', 'right', value)
}
