/**
 * Values whose bytes are kept in `bytes.json`, so that every later version must read what this one wrote. Add at the end, with
 * bytes of its own; never change one.
 */
export const GOLDEN: Readonly<Record<string, () => unknown>> = {
  plain: () => ({
    id: 42,
    name: 'Ada',
    score: -12.5,
    tags: ['a', 'ż漢😀'],
    nested: { yes: true, no: false, nil: null },
    far: [2 ** 31, -(2 ** 32), 2 ** 53 - 1, 1e300],
  }),
  records: () => [1, 2, 3, 4].map((id) => ({ id, name: `n${id}` })),
  longText: () => 'x'.repeat(300),
  undefined: () => [undefined, { a: undefined }],
  numbers: () => [-0, Number.NaN, Infinity, -Infinity],
  bigints: () => [1n, -1n, 2n ** 63n, -(2n ** 100n)],
  dates: () => [new Date(0), new Date(1_700_000_000_123), new Date(-8.64e15)],
  collections: () => [new Map<unknown, unknown>([['k', new Set([1, { a: 2 }])]]), new Set()],
  expressions: () => [/a+/gi, Object.assign(/b/y, { lastIndex: 2 })],
  binary: () => [
    new Uint8Array([1, 2, 3]),
    Buffer.from('buffer'),
    new Int32Array([-1, 2]),
    new Float64Array([0.5]),
    new BigUint64Array([3n]),
    new DataView(new Uint8Array([4, 5]).buffer),
    new Uint8Array([6]).buffer,
  ],
  texts: () => ['\ud800', `\ufeffx`, { '\udfff': 1 }],
  objects: () => [
    Object.assign(Object.create(null) as object, { a: 1 }),
    Object('boxed'),
    new URL('https://a.example/'),
  ],
  arrays: () => [Object.assign([1], { length: 4 }), Object.assign([1], { extra: true })],
  proto: () => JSON.parse('{"__proto__":{"a":1}}') as unknown,
  error: () =>
    Object.assign(new TypeError('wrong', { cause: 'why' }), {
      stack: 'TypeError: wrong',
      code: 'E',
    }),
  cycle: () => {
    const object: Record<string, unknown> = { list: [] }
    ;(object['list'] as unknown[]).push(object, object['list'])
    return object
  },
}
