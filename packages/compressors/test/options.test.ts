import { CacheError } from '@hitbox/core'
import { brotli, deflate, gzip, passthrough, threshold, zstd } from '@hitbox/compressors'
import { describe, expect, it } from 'vitest'
import { hasZstd } from './every.ts'

function failure(make: () => unknown): unknown {
  try {
    make()
  } catch (error) {
    return error
  }
  return undefined
}

function expectInvalid(make: () => unknown, option: string): void {
  const error = failure(make)
  expect(CacheError.is(error, 'INVALID_OPTION') && error.details.option).toBe(option)
}

const factories: readonly [string, (options: never) => unknown][] = [
  ['gzip', gzip],
  ['deflate', deflate],
  ['brotli', brotli],
  ['zstd', zstd],
  ['threshold', (options) => threshold(passthrough, options)],
]

describe.each(factories)('%s', (name, make) => {
  it('refuses options that it does not have', () => {
    expectInvalid(() => make({ levels: 3 } as never), 'levels')
    expect(failure(() => make({ levels: 3 } as never))).toMatchObject({
      message: expect.stringContaining(`not an option of ${name}`) as unknown,
    })
    expectInvalid(() => make(5 as never), 'options')
    expectInvalid(() => make(null as never), 'options')
  })

  it('refuses numbers out of range and what is no number', () => {
    const numbers: Record<string, readonly [string, readonly unknown[]][]> = {
      gzip: [['level', [-1, 10, 1.5, '6', Number.NaN, null]]],
      deflate: [['level', [-1, 10, 1.5, '6', Number.NaN, null]]],
      brotli: [['quality', [-1, 12, 0.5, '4', Number.NaN]]],
      zstd: [['level', [-8, 23, 0.5, '3']]],
      threshold: [
        ['minBytes', [-1, 0.5, Infinity, '1']],
        ['minSaving', [-0.1, 1, Number.NaN, '0.1']],
      ],
    }
    for (const [option, values] of numbers[name]!) {
      for (const value of values) expectInvalid(() => make({ [option]: value } as never), option)
    }
  })
})

describe('gzip and deflate', () => {
  it.each([gzip, deflate])('refuse an implementation that is none', (make) => {
    expectInvalid(() => make({ implementation: 'wasm' as never }), 'implementation')
  })

  it('take options that are undefined as not given', () => {
    expect(gzip({ level: undefined, implementation: undefined }).id).toBe('gzip')
  })
})

describe('ids', () => {
  it('name the encoding, not the level, the implementation or the threshold', () => {
    expect(passthrough.id).toBe('none')
    expect(gzip({ level: 1 }).id).toBe('gzip')
    expect(gzip({ implementation: 'portable' }).id).toBe('gzip')
    expect(deflate({ implementation: 'portable' }).id).toBe('deflate')
    expect(brotli().id).toBe('brotli')
    expect(threshold(brotli()).id).toBe('brotli')
  })
})

describe('zstd', () => {
  it('says so when the runtime has none', () => {
    const error = failure(() => zstd())
    if (hasZstd) expect(error).toBeUndefined()
    else expect(CacheError.is(error, 'UNSUPPORTED') && error.details).toEqual({ feature: 'zstd' })
  })
})
