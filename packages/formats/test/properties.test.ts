import { deepStrictEqual } from 'node:assert/strict'
import { CacheError, type Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const binaryFormats: readonly Format[] = [cbor, msgpack, v8]

/** Everything fast-check can think of that is data, and a bit more. */
const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
  key: fc.oneof(fc.string(), fc.constantFrom('__proto__', '__keys__', 'constructor', 'toString')),
  values: [
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.date({ noInvalidDate: true }), // an invalid one equals nothing, not even itself
    fc.constantFrom(null, undefined, -0),
  ],
})

describe.each(binaryFormats)('$id', (format) => {
  it('gives back every value equal, and writes to no bytes it has handed out', () => {
    let earlier: { bytes: Uint8Array; copy: Uint8Array } | undefined
    fc.assert(
      fc.property(anything, (value) => {
        const bytes = format.encode(value)
        if (earlier !== undefined) deepStrictEqual(earlier.bytes, earlier.copy)
        earlier = { bytes, copy: bytes.slice() }
        deepStrictEqual(format.decode(bytes), value)
      }),
      { numRuns: 2_000 },
    )
  })

  it('tells the same value by the same bytes', () => {
    fc.assert(
      fc.property(anything, (value) => {
        deepStrictEqual(format.encode(value), format.encode(value))
      }),
      { numRuns: 200 },
    )
  })

  it('keeps graphs of any shape', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.nat(20), fc.nat(3)), { maxLength: 40 }),
        (edges) => {
          const nodes = Array.from({ length: 21 }, (_, id) => makeNode(id))
          for (const [from, to, seed] of edges) link(nodes[from]!, nodes[to]!, seed)
          const decoded = format.decode(format.encode(nodes)) as unknown[]
          expect(shapeOf(decoded)).toEqual(shapeOf(nodes))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('refuses or decodes random bytes, and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expectDecodedOrRefused(format, bytes)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('json', () => {
  it('gives back equal whatever it accepts', () => {
    fc.assert(
      fc.property(anything, (value) => {
        let bytes: Uint8Array
        try {
          bytes = json.encode(value)
        } catch (error) {
          expect(CacheError.is(error, 'ENCODE_FAILED')).toBe(true)
          return
        }
        deepStrictEqual(json.decode(bytes), withoutUndefined(value))
      }),
      { numRuns: 2_000 },
    )
  })

  it('accepts all that is JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const data: unknown = JSON.parse(JSON.stringify(value))
        deepStrictEqual(json.decode(json.encode(data)), data)
      }),
      { numRuns: 1_000 },
    )
  })
})

function expectDecodedOrRefused(format: Format, bytes: Uint8Array): void {
  try {
    format.decode(bytes)
  } catch (error) {
    expect(CacheError.is(error, 'DECODE_FAILED')).toBe(true)
  }
  expect(Object.keys(Object.prototype)).toEqual([])
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined)
  if (typeof value !== 'object' || value === null) return value
  const result = {}
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue
    const descriptor = {
      value: withoutUndefined(item),
      enumerable: true,
      writable: true,
      configurable: true,
    }
    Object.defineProperty(result, key, descriptor)
  }
  return result
}

function makeNode(id: number): object {
  return [() => ({ id }), () => [id], () => new Map([['id', id]]), () => new Set([id])][id % 4]!()
}

function link(from: object, to: object, seed: number): void {
  if (from instanceof Map) from.set(seed % 2 === 0 ? to : `k${seed}`, to)
  else if (from instanceof Set) from.add(to)
  else if (Array.isArray(from)) from.push(to)
  else (from as Record<string, unknown>)[`p${seed}`] = to
}

/** Every object by the order in which it is met, so that equal texts mean equal graphs. */
function shapeOf(root: unknown): string {
  const ids = new Map<object, number>()
  const lines: string[] = []
  const visit = (value: unknown): string => {
    if (typeof value !== 'object' || value === null) return String(value)
    const known = ids.get(value)
    if (known !== undefined) return `#${known}`
    const id = ids.size
    ids.set(value, id)
    const entries: unknown[][] =
      value instanceof Map
        ? [...value]
        : value instanceof Set
          ? [...value].map((item) => [item])
          : Object.entries(value)
    const parts = entries.map((entry) => entry.map(visit).join('='))
    lines.push(`${id} ${value.constructor.name} ${parts.join(',')}`)
    return `#${id}`
  }
  visit(root)
  return lines.join('\n')
}
