import assert from 'node:assert/strict'

/** Kinds of values that people put into caches. Ids of cases count along this list: new ones go to its end. */
export const VALUE_KINDS = [
  'undefined',
  'undefined in an object',
  'undefined in an array',
  'NaN',
  '-0',
  'Infinity',
  'bigint',
  'huge bigint',
  'Date',
  'invalid Date',
  'Map',
  'Map with object keys',
  'Set',
  'Map and Set in each other',
  'RegExp',
  'Error',
  'Error with cause',
  'subclass of Error',
  'Uint8Array',
  'view on a larger buffer',
  'Buffer',
  'ArrayBuffer',
  'DataView',
  'Int8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'class instance',
  'object without a prototype',
  'URL',
  'boxed primitive',
  'cycle',
  'shared reference',
  'sparse array',
  'array with a property',
  'lone surrogate',
  'key named __proto__',
  'key named constructor',
  'key that is a symbol',
  'getter',
  'toJSON',
  'function',
  'symbol',
  'Promise',
  'WeakMap',
  'depth of 1,000',
] as const

/** Name of one of the {@link VALUE_KINDS}. */
export type ValueKind = (typeof VALUE_KINDS)[number]

/** A value that a format may or may not keep. */
export interface Sample {
  make(): unknown
  /** Asserts that `decoded` is the same. @defaultValue compares in depth */
  same?(decoded: unknown): void
}

class Point {
  readonly x: number
  readonly y: number

  constructor(x: number, y: number) {
    this.x = x
    this.y = y
  }
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index + 1)

function cyclic(): unknown {
  const value: Record<string, unknown> = { name: 'cycle' }
  value['self'] = value
  return value
}

function deep(levels: number): unknown {
  let value: unknown = 'bottom'
  for (let level = 0; level < levels; level += 1) value = [value]
  return value
}

function sameError(decoded: unknown, name: string, message: string): Error {
  assert.ok(decoded instanceof Error, 'it is no error any more')
  assert.equal(decoded.name, name)
  assert.equal(decoded.message, message)
  return decoded
}

/** An example of each kind. */
export const SAMPLES: Readonly<Record<ValueKind, Sample>> = {
  undefined: { make: () => undefined },
  'undefined in an object': { make: () => ({ a: undefined, b: 1 }) },
  'undefined in an array': { make: () => [1, undefined, 3] },
  NaN: { make: () => [Number.NaN] },
  '-0': { make: () => [-0] },
  Infinity: { make: () => [Infinity, -Infinity] },
  bigint: { make: () => [0n, 42n, -42n, 2n ** 63n - 1n, -(2n ** 63n)] },
  'huge bigint': { make: () => [2n ** 200n, -(2n ** 200n)] },
  Date: { make: () => [new Date(0), new Date(1_700_000_000_123), new Date(-1)] },
  'invalid Date': {
    make: () => new Date(Number.NaN),
    same: (decoded) => assert.ok(decoded instanceof Date && Number.isNaN(decoded.getTime())),
  },
  Map: {
    make: () =>
      new Map<unknown, unknown>([
        ['a', 1],
        [2, { b: [3] }],
      ]),
  },
  'Map with object keys': { make: () => new Map([[{ id: 1 }, 'one']]) },
  Set: { make: () => new Set<unknown>(['a', 1, null]) },
  'Map and Set in each other': { make: () => [new Map([['set', new Set([new Map()])]])] },
  RegExp: { make: () => [/a+b/giu, /^\/$/] },
  Error: {
    make: () => new Error('broken'),
    same: (decoded) => void sameError(decoded, 'Error', 'broken'),
  },
  'Error with cause': {
    make: () => new Error('outer', { cause: new Error('inner') }),
    same: (decoded) => void sameError(sameError(decoded, 'Error', 'outer').cause, 'Error', 'inner'),
  },
  'subclass of Error': {
    make: () => new TypeError('wrong kind'),
    same(decoded) {
      sameError(decoded, 'TypeError', 'wrong kind')
      assert.ok(decoded instanceof TypeError, 'it is of another class')
    },
  },
  Uint8Array: { make: () => [bytes(0), bytes(5), bytes(300)] },
  'view on a larger buffer': { make: () => bytes(100).subarray(10, 20) },
  Buffer: { make: () => Buffer.from('bytes of a pool') },
  ArrayBuffer: { make: () => bytes(16).buffer },
  DataView: { make: () => new DataView(bytes(16).buffer, 4, 8) },
  Int8Array: { make: () => Int8Array.from([1, -2]) },
  Uint8ClampedArray: { make: () => Uint8ClampedArray.from([1, 255]) },
  Int16Array: { make: () => Int16Array.from([1, -2]) },
  Uint16Array: { make: () => Uint16Array.from([1, 65_535]) },
  Int32Array: { make: () => Int32Array.from([1, -2]) },
  Uint32Array: { make: () => Uint32Array.from([1, 2 ** 32 - 1]) },
  Float32Array: { make: () => Float32Array.from([1.5, -2.25]) },
  Float64Array: { make: () => Float64Array.from([0.1, -1e300]) },
  BigInt64Array: { make: () => BigInt64Array.from([1n, -2n]) },
  BigUint64Array: { make: () => BigUint64Array.from([1n, 2n ** 64n - 1n]) },
  'class instance': { make: () => new Point(1, 2) },
  'object without a prototype': { make: () => Object.assign(Object.create(null), { a: 1 }) },
  URL: { make: () => new URL('https://example.com/a?b=c') },
  'boxed primitive': { make: () => [Object(1), Object('text'), Object(true)] },
  cycle: { make: cyclic },
  'shared reference': {
    make() {
      const shared = { n: 1 }
      return { a: shared, b: shared }
    },
    same(decoded) {
      const { a, b } = decoded as Record<string, unknown>
      assert.deepEqual(a, { n: 1 })
      assert.equal(a, b, 'one object became two')
    },
  },
  'sparse array': {
    make() {
      const list = [1]
      list[3] = 4
      return list
    },
    same(decoded) {
      assert.ok(Array.isArray(decoded))
      assert.deepEqual(Object.entries(decoded), [
        ['0', 1],
        ['3', 4],
      ])
      assert.equal(decoded.length, 4)
    },
  },
  'array with a property': { make: () => Object.assign([1, 2], { extra: 3 }) },
  'lone surrogate': { make: () => ['\ud800', 'a\udfffb', { '\udc00': 1 }] },
  'key named __proto__': {
    make: () => JSON.parse('{"a":1,"__proto__":{"polluted":true}}') as unknown,
    same(decoded) {
      assert.deepEqual(Object.entries(decoded as object), [
        ['a', 1],
        ['__proto__', { polluted: true }],
      ])
      assert.equal(Object.getPrototypeOf(decoded), Object.prototype)
    },
  },
  'key named constructor': { make: () => ({ constructor: 1, toString: 2, hasOwnProperty: 3 }) },
  'key that is a symbol': { make: () => ({ a: 1, [Symbol('secret')]: 2 }) },
  getter: {
    make: () => ({
      get a() {
        return 1
      },
    }),
  },
  toJSON: { make: () => ({ a: 1, toJSON: () => 'otherwise' }) },
  function: { make: () => ({ f: () => 1 }) },
  symbol: { make: () => ({ s: Symbol('secret') }) },
  Promise: { make: () => ({ p: Promise.resolve(1) }) },
  WeakMap: { make: () => ({ w: new WeakMap() }) },
  'depth of 1,000': {
    make: () => deep(1_000),
    // Walked down by hand: `deepEqual` itself runs out of stack here on Node 22.
    same(decoded) {
      let levels = 0
      let inner = decoded
      for (; Array.isArray(inner); levels += 1) {
        assert.equal(inner.length, 1)
        inner = inner[0] as unknown
      }
      assert.equal(levels, 1_000)
      assert.equal(inner, 'bottom')
    },
  },
}
