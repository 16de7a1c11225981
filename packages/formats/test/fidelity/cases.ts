import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'

/**
 * What happens to one kind of value: it comes back the `same`; it comes back as something else, in words for the table; or encoding
 * fails at a `path`.
 */
export type Outcome =
  | 'same'
  | { readonly becomes: string; readonly value: () => unknown }
  | { readonly fails: string }

export interface Fidelity {
  /** Row of the table. */
  readonly kind: string
  readonly values: () => readonly unknown[]
  /** The outcome in `cbor`, `msgpack` and `v8`, which keep the same. */
  readonly binary: Outcome
  readonly json: Outcome
  /** More than deep equality can see. */
  readonly check?: (decoded: unknown, original: unknown) => void
}

const same = 'same'
const fails = (path = '$'): Outcome => ({ fails: path })

class Money {
  readonly amount = 5
}

class HttpError extends Error {
  readonly status = 404
}

export const FIDELITY: readonly Fidelity[] = [
  {
    kind: 'plain object, array, boolean, `null`',
    values: () => [{ a: [1, { b: true }], '': null, 'x y': [] }, {}, [], null, false],
    binary: same,
    json: same,
  },
  {
    kind: 'text, also with lone surrogates or a leading byte order mark',
    values: () => [
      '',
      'ż漢😀',
      '\ud800 lone',
      '\udc00',
      `\ufeff${'x'.repeat(100)}`,
      { '\ud800': 1 },
    ],
    binary: same,
    json: same,
  },
  {
    kind: 'finite number',
    values: () => [0, 1.5, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, 2 ** 53, 5e-324],
    binary: same,
    json: same,
  },
  { kind: '`-0`', values: () => [-0, [-0]], binary: same, json: fails() },
  {
    kind: '`NaN`, `Infinity`',
    values: () => [Number.NaN, Infinity, -Infinity],
    binary: same,
    json: fails(),
  },
  {
    kind: '`BigInt` of any size',
    values: () => [0n, 5n, -5n, 2n ** 63n, -(2n ** 63n), 2n ** 64n, 2n ** 4000n, -(2n ** 4000n)],
    binary: same,
    json: fails(),
  },
  { kind: '`undefined` alone', values: () => [undefined], binary: same, json: fails() },
  {
    kind: '`undefined` in an object',
    values: () => [{ a: undefined, b: 1 }],
    binary: same,
    json: { becomes: 'property left out', value: () => ({ b: 1 }) },
  },
  {
    kind: '`undefined` in an array',
    values: () => [[undefined]],
    binary: same,
    json: fails('$[0]'),
  },
  {
    kind: '`Date`, also invalid or far away',
    values: () => [
      new Date(1_700_000_000_123),
      new Date(-1),
      new Date(8.64e15),
      new Date(-8.64e15 + 1),
      new Date(Number.NaN),
    ],
    binary: same,
    json: fails(),
    check: (decoded, original) => {
      ok(decoded instanceof Date && original instanceof Date)
      ok(Object.is(decoded.getTime(), original.getTime()))
    },
  },
  {
    kind: '`Map`, with keys of any kind',
    values: () => [
      new Map<unknown, unknown>([
        [{ a: 1 }, 2],
        [Number.NaN, new Map()],
        ['__proto__', 1],
      ]),
    ],
    binary: same,
    json: fails(),
  },
  { kind: '`Set`', values: () => [new Set([1, 'a', {}]), new Set()], binary: same, json: fails() },
  {
    kind: '`RegExp`, with flags and `lastIndex`',
    values: () => [
      /a(?<name>b)/dgimsuy,
      Object.assign(/x/g, { lastIndex: 3 }),
      new RegExp('\ud800'),
    ],
    binary: same,
    json: fails(),
    check: (decoded, original) => {
      strictEqual((decoded as RegExp).lastIndex, (original as RegExp).lastIndex)
    },
  },
  {
    kind: 'built-in errors, with `stack`, `cause` and own properties',
    values: () => [
      new Error('a'),
      new TypeError('b', { cause: new RangeError('c', { cause: 'd' }) }),
      Object.assign(new Error('e'), { code: 'ENOENT', errno: -2 }),
      new AggregateError([new SyntaxError('f'), 1], 'g'),
    ],
    binary: same,
    json: fails(),
    check: (decoded, original) => {
      strictEqual((decoded as Error).stack, (original as Error).stack)
      deepStrictEqual((decoded as Error).cause, (original as Error).cause)
      deepStrictEqual(Object.getOwnPropertyDescriptor(decoded, 'message')?.enumerable, false)
    },
  },
  {
    kind: 'typed arrays, `DataView`',
    values: () => [
      new Int8Array([-1, 2]),
      new Uint8Array([1, 2]),
      new Uint8Array(0),
      new Uint8ClampedArray([255]),
      new Int16Array([-1, 2]),
      new Uint16Array([1, 2]),
      new Int32Array([-1, 2]),
      new Uint32Array([1, 2]),
      new Float32Array([1.5, -0]),
      new Float64Array([1.5, Number.NaN]),
      new BigInt64Array([-1n]),
      new BigUint64Array([2n ** 64n - 1n]),
      new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
      new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2),
    ],
    binary: same,
    json: fails(),
  },
  {
    kind: '`Buffer`',
    values: () => [Buffer.from('abc'), Buffer.alloc(0)],
    binary: same,
    json: fails(),
  },
  {
    kind: '`ArrayBuffer`',
    values: () => [new Uint8Array([1, 2]).buffer, new ArrayBuffer(0)],
    binary: same,
    json: fails(),
  },
  {
    kind: '`SharedArrayBuffer`',
    values: () => [new SharedArrayBuffer(2)],
    binary: fails(),
    json: fails(),
  },
  {
    kind: 'several views of one buffer',
    values: () => {
      const { buffer } = new Uint8Array(2)
      return [[new Uint8Array(buffer), new Uint8Array(buffer)]]
    },
    binary: {
      becomes: 'views of a buffer each',
      value: () => [new Uint8Array(2), new Uint8Array(2)],
    },
    json: fails('$[0]'),
  },
  {
    kind: 'object without prototype',
    values: () => [Object.assign(Object.create(null) as object, { a: 1 })],
    binary: same,
    json: fails(),
  },
  {
    kind: 'boxed primitive',
    values: () => [Object(1), Object(-0), Object('ab'), Object(false), Object(5n)],
    binary: same,
    json: fails(),
  },
  {
    kind: 'cycle',
    values: () => {
      const object: Record<string, unknown> = { name: 'a' }
      object['self'] = object
      const map = new Map<unknown, unknown>()
      map.set('self', map).set(map, new Set([map]))
      return [object]
    },
    binary: same,
    json: fails('$.self'),
    check: (decoded) => {
      strictEqual((decoded as { self: unknown }).self, decoded)
    },
  },
  {
    kind: 'cycle through a map and a set',
    values: () => {
      const map = new Map<unknown, unknown>()
      return [map.set('self', map).set('set', new Set([map]))]
    },
    binary: same,
    json: fails(),
    check: (decoded) => {
      const map = decoded as ReadonlyMap<string, unknown>
      strictEqual(map.get('self'), map)
      ok((map.get('set') as ReadonlySet<unknown>).has(map))
    },
  },
  {
    kind: 'object that is in the value twice',
    values: () => {
      const shared = { a: 1 }
      return [[shared, { again: shared }]]
    },
    binary: same,
    json: { becomes: 'two equal objects', value: () => [{ a: 1 }, { again: { a: 1 } }] },
    check: (decoded) => {
      const [first, second] = decoded as [object, { again: object }]
      strictEqual(first, second.again)
    },
  },
  {
    kind: 'array with holes',
    values: () => [
      Object.assign([1], { length: 3 }),
      Object.assign([], { 1: undefined }),
      Array(5),
    ],
    binary: same,
    json: fails(),
  },
  {
    kind: 'array with properties of its own',
    values: () => [Object.assign([1, 2], { total: 2 }), /b(c)/.exec('abcd')],
    binary: same,
    json: fails(),
  },
  {
    kind: '`__proto__` as an own key',
    values: () => [JSON.parse('{"__proto__":{"admin":true},"b":{"__proto__":1}}')],
    binary: same,
    json: same,
    check: (decoded) => {
      strictEqual(Object.getPrototypeOf(decoded), Object.prototype)
      ok(Object.hasOwn(decoded as object, '__proto__'))
      strictEqual((decoded as { admin?: unknown }).admin, undefined)
    },
  },
  {
    kind: '`URL`',
    values: () => [new URL('https://a.example/b?c=d#e')],
    binary: same,
    json: fails(),
  },
  {
    kind: 'accessor',
    values: () => [
      {
        get a() {
          return 1
        },
      },
    ],
    binary: { becomes: 'its value', value: () => ({ a: 1 }) },
    json: { becomes: 'its value', value: () => ({ a: 1 }) },
  },
  {
    kind: 'accessor that throws',
    values: () => [
      {
        b: [
          {
            get a(): unknown {
              throw new Error('no')
            },
          },
        ],
      },
    ],
    binary: fails('$.b[0]'),
    json: fails('$.b[0]'),
  },
  {
    kind: 'property that is not enumerable',
    values: () => [Object.defineProperty({ a: 1 }, 'hidden', { value: 2 })],
    binary: { becomes: 'left out', value: () => ({ a: 1 }) },
    json: { becomes: 'left out', value: () => ({ a: 1 }) },
  },
  {
    kind: 'frozen or sealed object',
    values: () => [Object.freeze({ a: 1 }), Object.seal([1])],
    binary: same,
    json: same,
    check: (decoded) => ok(Object.isExtensible(decoded)),
  },
  {
    kind: 'proxy of what can be kept',
    values: () => [new Proxy({ a: 1 }, {})],
    binary: { becomes: 'plain copy', value: () => ({ a: 1 }) },
    json: { becomes: 'plain copy', value: () => ({ a: 1 }) },
  },
  {
    kind: 'key that is a symbol',
    values: () => [{ a: { [Symbol('key')]: 1 } }],
    binary: fails('$.a'),
    json: fails('$.a'),
  },
  {
    kind: 'properties added to a `Map`, `Set`, `Date` or `RegExp`',
    values: () => [Object.assign(new Map(), { a: 1 }), Object.assign(new Date(0), { a: 1 })],
    binary: fails(),
    json: fails(),
  },
  {
    kind: 'function, symbol',
    values: () => [() => 1, Symbol('s'), Object(Symbol('s'))],
    binary: fails(),
    json: fails(),
  },
  {
    kind: 'object of a class of your own, also one that extends a built-in',
    values: () => [
      new Money(),
      new HttpError('x'),
      new (class extends Map {})(),
      new (class extends Array {})(),
    ],
    binary: fails(),
    json: fails(),
  },
  {
    kind: '`Promise`, `WeakMap`, `Intl`, streams and other objects with inner state',
    values: () => [
      Promise.resolve(1),
      new WeakMap(),
      new Intl.NumberFormat(),
      new AbortController(),
      new URLSearchParams(),
    ],
    binary: fails(),
    json: fails(),
  },
  {
    kind: '1,000 levels',
    values: () => [nested(1_000)],
    binary: same,
    json: same,
    check: (decoded) => strictEqual(levels(decoded), 1_000),
  },
  {
    kind: '10,000 levels',
    values: () => [nested(10_000)],
    binary: same,
    json: fails('deep'),
    check: (decoded) => strictEqual(levels(decoded), 10_000),
  },
]

function nested(depth: number): unknown {
  let value: unknown = 'core'
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { value }
  return value
}

function levels(value: unknown): number {
  let count = 0
  for (let at = value; typeof at === 'object' && at !== null; count += 1) {
    at = Array.isArray(at) ? at[0] : (at as { value: unknown }).value
  }
  return count
}
