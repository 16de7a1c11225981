import { deserialize, serialize } from 'node:v8'
import { CacheError, type Format } from '@hitbox/core'
import { casesFor, formatContract, type FormatSubject } from '@hitbox/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { structured } from './support/map-store.ts'

/** A subset of JSON that refuses whatever would not come back equal. */
const strictJson: Format = {
  id: 'strict-json',
  encode(value) {
    const refuse = (cause?: unknown): never => {
      const details = { format: 'strict-json' }
      throw new CacheError('ENCODE_FAILED', 'not plain JSON', { details, cause })
    }
    const check = (part: unknown, depth: number): void => {
      if (depth > 1_500) refuse()
      if (part === null || typeof part === 'string' || typeof part === 'boolean') return
      if (typeof part === 'number' && Number.isFinite(part) && !Object.is(part, -0)) return
      if (typeof part !== 'object') return refuse()
      const proto: unknown = Object.getPrototypeOf(part)
      if (proto !== Object.prototype && proto !== Array.prototype) return refuse()
      const names = Reflect.ownKeys(part).filter(
        (name) => !Array.isArray(part) || name !== 'length',
      )
      if (Array.isArray(part) && names.length !== part.length) return refuse()
      for (const name of names) {
        const own = Object.getOwnPropertyDescriptor(part, name)
        if (typeof name === 'symbol' || !own?.enumerable || name === 'toJSON') return refuse()
        check(own.get ? own.get.call(part) : own.value, depth + 1)
      }
    }
    check(value, 0)
    return new TextEncoder().encode(JSON.stringify(value))
  },
  decode: (bytes) =>
    JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)),
}

const json: FormatSubject = {
  format: strictJson,
  conversions: { 'shared reference': { a: { n: 1 }, b: { n: 1 } } },
  capabilities: { stable: true },
}

const whatV8Changes: FormatSubject['conversions'] = {
  'class instance': { x: 1, y: 2 },
  'object without a prototype': { a: 1 },
  URL: {},
  'key that is a symbol': { a: 1 },
}

describe('formatContract', () => {
  describe.each([
    ['a strict JSON', json],
    [
      'a v8 whose conversions are documented',
      { format: structured, conversions: whatV8Changes, capabilities: { stable: true } },
    ],
  ] satisfies [string, FormatSubject][])('on %s', (_, subject) => {
    for (const promise of casesFor(formatContract, subject)) {
      it(`${promise.id} ${promise.title}`, () => promise.run(subject))
    }
  })

  const defects: Record<string, readonly [format: Format, caught: readonly string[]]> = {
    'plain JSON loses what it cannot say': [
      {
        id: 'json',
        encode: (value) => new TextEncoder().encode(JSON.stringify(value) ?? 'null'),
        decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
      },
      [
        'undefined',
        'undefined in an object',
        'NaN',
        '-0',
        'Date',
        'Map',
        'Set',
        'URL',
        'bigint',
        'cycle',
      ],
    ],
    'v8 takes a symbol key away in silence': [
      structured,
      ['key that is a symbol', 'class instance'],
    ],
    'an id with a space': [{ ...strictJson, id: 'my json' }, ['K01']],
    'values point into the bytes': [
      { id: 'v8', encode: (value) => Uint8Array.from(serialize(value)), decode: deserialize },
      ['K05'],
    ],
    'one buffer for all': [oneBuffer(), ['K06']],
    'bytes depend on what came before': [learning(), ['K07']],
    'half a value is taken for one': [
      {
        ...strictJson,
        decode: (bytes) => {
          try {
            return strictJson.decode(bytes)
          } catch {
            return undefined
          }
        },
      },
      ['K08'],
    ],
    'objects are put together by hand, prototypes too': [
      { ...strictJson, decode: (bytes) => merged(strictJson.decode(bytes)) },
      ['K10'],
    ],
    'state is left behind by a value that throws': [spoilt(), ['K12']],
  }

  afterEach(() => {
    Reflect.deleteProperty(Object.prototype, 'polluted')
  })

  it.each(Object.entries(defects))('notices that %s', async (_, [format, caught]) => {
    for (const name of caught) {
      const promise = formatContract.find(
        ({ id, title }) => id === name || title.endsWith(`: ${name}`),
      )
      const subject: FormatSubject = { format, capabilities: { stable: true } }
      await expect(promise?.run(subject)).rejects.toThrow()
    }
  })
})

function oneBuffer(): Format {
  const shared = new Uint8Array(2_000_000)
  return {
    ...strictJson,
    encode(value) {
      const bytes = strictJson.encode(value)
      shared.set(bytes)
      return shared.subarray(0, bytes.length)
    },
  }
}

function learning(): Format {
  let calls = 0
  return {
    ...strictJson,
    encode(value) {
      calls += 1
      return new TextEncoder().encode(`${' '.repeat(calls % 50)}${JSON.stringify(value)}`)
    },
  }
}

/** A copy as it should not be made. */
function merged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(merged)
  const merge = (target: Record<string, unknown>, source: Record<string, unknown>): unknown => {
    for (const [name, part] of Object.entries(source)) {
      const inner = target[name]
      if (typeof part === 'object' && part !== null && !Array.isArray(part) && inner)
        merge(inner as Record<string, unknown>, part as Record<string, unknown>)
      else target[name] = merged(part)
    }
    return target
  }
  return merge({}, value as Record<string, unknown>)
}

/** Writes the beginning of a value that failed before the next one. */
function spoilt(): Format {
  let left = ''
  return {
    ...strictJson,
    encode(value) {
      try {
        const bytes = Buffer.concat([Buffer.from(left), strictJson.encode(value)])
        left = ''
        return bytes
      } catch (error) {
        left = '['
        throw error
      }
    },
  }
}
