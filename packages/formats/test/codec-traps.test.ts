import { deepStrictEqual } from 'node:assert/strict'
import { runInNewContext } from 'node:vm'
import { CacheError, type Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { describe, expect, it } from 'vitest'

const FORMATS: readonly Format[] = [cbor, msgpack, json, v8]
const BINARY = FORMATS.filter((format) => format !== json)

describe.each(FORMATS)('$id', (format) => {
  it('hands out bytes of their own, with no more memory behind them than they take', () => {
    const first = format.encode({ a: 'first' })
    const copy = first.slice()
    for (let round = 0; round < 2_000; round += 1) format.encode({ a: 'later', round })
    expect(first).toEqual(copy)
    expect(first.buffer.byteLength).toBeLessThan(first.length + 64)
    expect(Object.getPrototypeOf(first)).toBe(Uint8Array.prototype)
  })

  it('leaves the bytes that it decodes as they are', () => {
    const bytes = format.encode({ a: [1, 'x'] })
    const copy = bytes.slice()
    format.decode(bytes)
    expect(bytes).toEqual(copy)
    expect(Object.keys(bytes)).toHaveLength(bytes.length)
  })

  it('keeps objects of many shapes, and wide ones', () => {
    const shapes = Array.from({ length: 700 }, (_, id) => ({
      [`k${id}`]: id,
      [`m${id % 9}`]: [{ [`n${id}`]: 1 }],
    }))
    const value = [...shapes, ...structuredClone(shapes), ...structuredClone(shapes)]
    deepStrictEqual(format.decode(format.encode(value)), value)
    const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, id) => [`key ${id}`, id]))
    deepStrictEqual(format.decode(format.encode(wide)), wide)
  })

  it('keeps keys that mean something to codecs', () => {
    for (const key of [
      '__keys__',
      'constructor',
      'hasOwnProperty',
      'toString',
      'length',
      '0',
      '-1',
      '',
    ]) {
      const value = [{ [key]: 1 }, { a: { [key]: { [key]: 'x' } } }, { [key]: 1 }]
      deepStrictEqual(format.decode(format.encode({})), {})
      deepStrictEqual(format.decode(format.encode(value)), value)
    }
  })

  it('takes plain data of another realm as plain data', () => {
    const value: unknown = runInNewContext('({ list: [1, { a: [] }], text: "x" })')
    deepStrictEqual(format.decode(format.encode(value)), { list: [1, { a: [] }], text: 'x' })
    const instance: unknown = runInNewContext('new (class Thing {})()')
    expect(() => format.encode(instance)).toThrow(/an instance of class Thing/)
  })

  it('names what it refuses in the message, and where only in the details', () => {
    let caught: unknown
    try {
      format.encode({ user: [{ 'home address': () => 1 }] })
    } catch (error) {
      caught = error
    }
    expect(CacheError.is(caught, 'ENCODE_FAILED')).toBe(true)
    expect((caught as CacheError).message).toBe(`format "${format.id}" cannot keep a function`)
    expect((caught as CacheError).details).toEqual({
      format: format.id,
      path: '$.user[0]["home address"]',
    })
  })

  it('encodes again after an encoding that failed', () => {
    expect(() => format.encode([{ a: 1 }, Symbol('s')])).toThrow()
    deepStrictEqual(format.decode(format.encode([{ a: 1 }])), [{ a: 1 }])
  })
})

describe.each(BINARY)('$id', (format) => {
  it('takes built-ins of another realm as its own', () => {
    const value: unknown = runInNewContext(
      '[new Map([[1, 2]]), new Set([3]), new Date(4), /five/g, new Uint8Array([6]), new TypeError("seven"), Object(8)]',
    )
    const decoded = format.decode(format.encode(value)) as unknown[]
    deepStrictEqual(decoded.slice(0, 5), [
      new Map([[1, 2]]),
      new Set([3]),
      new Date(4),
      /five/g,
      new Uint8Array([6]),
    ])
    expect(decoded[5]).toBeInstanceOf(TypeError)
    deepStrictEqual(decoded[6], Object(8))
    expect(() => format.encode(runInNewContext('new (class extends Map {})()'))).toThrow(
      /cannot keep/,
    )
  })

  it('gives binary data that is not part of a larger buffer', () => {
    const value = {
      bytes: new Uint8Array([1, 2]),
      buffer: Buffer.from('abc'),
      view: new Float64Array([1]),
    }
    const decoded = format.decode(format.encode([value, 'x'.repeat(1_000)])) as [
      typeof value,
      string,
    ]
    for (const view of Object.values(decoded[0])) {
      expect(view.buffer.byteLength).toBe(view.byteLength)
    }
  })

  it('names the place of what is in maps and sets', () => {
    const path = (value: unknown): unknown => {
      try {
        format.encode(value)
      } catch (error) {
        return CacheError.is(error, 'ENCODE_FAILED') ? error.details.path : error
      }
      return undefined
    }
    const no = (): void => {}
    expect(path({ a: new Map([[1, [no]]]) })).toBe('$.a.value(0)[0]')
    expect(path(new Map([[{ no }, 1]]))).toBe('$.key(0).no')
    expect(path([new Set([1, no])])).toBe('$[0].item(1)')
    expect(path(new Error('x', { cause: { no } }))).toBe('$.cause.no')
    expect(path(Object.assign([1], { no }))).toBe('$.no')
  })
})

describe.each(FORMATS)('$id', (format) => {
  it('encodes a value that encodes others while it is read', () => {
    const inner: unknown[] = []
    const value = {
      before: 'x'.repeat(100),
      get inside(): string {
        inner.push(format.decode(format.encode({ other: [1, 2] })))
        return 'inside'
      },
      after: ['y'],
    }
    deepStrictEqual(format.decode(format.encode(value)), {
      before: 'x'.repeat(100),
      inside: 'inside',
      after: ['y'],
    })
    for (const decoded of inner) deepStrictEqual(decoded, { other: [1, 2] })
  })
})

describe('json', () => {
  it('is JSON text', () => {
    expect(new TextDecoder().decode(json.encode({ a: [1, null, 'ż'] }))).toBe('{"a":[1,null,"ż"]}')
  })

  it('refuses text that is no UTF-8', () => {
    expect(() => json.decode(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/format "json"/)
  })

  it('refuses what copies of shared objects would make endless', () => {
    let value: unknown = 'leaf'
    for (let level = 0; level < 60; level += 1) value = [value, value]
    expect(() => json.encode(value)).toThrow(/copies of shared objects/)
  })
})

describe('msgpack', () => {
  it('writes plain data as MessagePack that others read', () => {
    expect(Buffer.from(msgpack.encode({ a: [1, 'x'], b: null })).toString('hex')).toBe(
      '82a1619201a178a162c0',
    )
    expect(Buffer.from(msgpack.encode(new Date(1_000))).toString('hex')).toBe('d6ff00000001')
    expect(Buffer.from(msgpack.encode(Buffer.from([7]))).toString('hex')).toBe('c40107')
  })
})
