import { inspect } from 'node:util'
import { Encoder } from 'cbor-x'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assertOwnCbor } from '../src/cbor-scan.ts'
import { NO_TREE, TreeReader } from '../src/cbor-tree-reader.ts'
import { TreeWriter } from '../src/cbor-tree.ts'
import { hasNoExtras, isTree } from '../src/tree.ts'

const codec = new Encoder({ useRecords: true, tagUint8Array: true, copyBuffers: true })
const writer = new TreeWriter()
const reader = new TreeReader()

/** As texts, which also tell `-0`, holes, prototypes and the order of keys, and in which dates that are none are equal. */
function expectSame(read: unknown, other: unknown): void {
  expect(other).not.toBe(NO_TREE)
  expect(textOf(read)).toBe(textOf(other))
}

const textOf = (value: unknown): string =>
  inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null, compact: true })
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const key = fc.oneof(
  fc.constantFrom('id', 'name', 'at', '0', 'constructor', 'ключ', ''),
  fc
    .string({ maxLength: 70 })
    .filter((text) => text !== '__proto__' && text !== '__keys__' && !text.startsWith('\uFEFF')),
)
const leaf = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 90 }).filter((text) => !text.startsWith('\uFEFF')),
  fc.integer(),
  fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
  fc.double().filter((number) => !Object.is(number, -0)),
  fc.constantFrom(true, false, null, undefined),
  fc.date({ min: new Date(-(2 ** 45)), max: new Date(2 ** 45) }),
)
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('tree'), { maxLength: 30 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 30, noNullPrototype: true }),
  ),
}))

/** Whatever fast-check can think of, most of which is no tree; and some objects twice, or inside themselves. */
const anything = fc
  .array(
    fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      key: fc.oneof(key, fc.constantFrom('__proto__', '__keys__', '\uFEFFk', '\uD800')),
      values: [leaf, fc.constantFrom(-0, '\uD800', '\uFEFF', 2 ** 53, -(2 ** 32) - 1, 1n)],
    }),
    { maxLength: 3 },
  )
  .chain((values) =>
    fc.constantFrom(values, [values, ...values], [...values, ...values], Object.assign({}, values)),
  )
/** What the look of the other way lets through of what is to be written here. */
const reach = {
  collections: false,
  isLeaf: (value: object): boolean =>
    value instanceof Date && !(Math.abs(value.getTime()) > 2 ** 50) && hasNoExtras(value),
}

describe('TreeWriter', () => {
  it('writes nothing that a look at the whole value would not let through, and nothing otherwise', () => {
    let written = 0
    fc.assert(
      fc.property(fc.oneof(anything, tree), (value) => {
        const bytes = writer.write(value)
        if (bytes === undefined) return
        written += 1
        expect(isTree(value, reach)).toBe(true)
        expect(hex(bytes)).toBe(hex(codec.encode(value)))
      }),
      { numRuns: 5_000 },
    )
    expect(written).toBeGreaterThan(1_000)
  })

  it('writes the bytes that the codec writes', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const written = writer.write(value)
        // More shapes than it knows is the one thing left to the codec here.
        if (written !== undefined) expect(hex(written)).toBe(hex(codec.encode(value)))
      }),
      { numRuns: 3_000 },
    )
  })

  it('takes lists and texts of all sizes that change the head', () => {
    for (const size of [0, 23, 24, 63, 64, 255, 256, 65_535, 65_536]) {
      for (const value of [
        'a'.repeat(size),
        'é'.repeat(size),
        Array.from({ length: size }, () => 1),
      ])
        expect(hex(writer.write(value) as Uint8Array)).toBe(hex(codec.encode(value)))
    }
  })

  const shared = {}
  const cycle: unknown[] = []
  cycle.push(cycle)
  let deep: unknown = 1
  for (let level = 0; level < 300; level += 1) deep = [deep]
  const throwing = {
    get a(): never {
      throw new Error('no')
    },
  }
  const shrinking = {
    get first(): number {
      delete (shrinking as { second?: number }).second
      return 1
    },
    second: 2,
  }
  it.each<[string, unknown]>([
    ['shared objects', [shared, shared]],
    [
      'many objects, of which one is shared',
      [...Array.from({ length: 40 }, () => [0]), shared, shared],
    ],
    ['cycles', cycle],
    ['depth', deep],
    ['-0', [-0]],
    ['lone surrogates', ['\uD800']],
    ['a byte order mark', ['\uFEFFx']],
    ['lone surrogates in long texts', [`${'x'.repeat(100)}\uD800`]],
    ['holes', Object.assign([1], { length: 2 })],
    ['properties of lists', Object.assign([1], { more: 1 })],
    ['a property in place of an element', Object.assign([], { length: 1, more: 1 })],
    ['symbols', { [Symbol('s')]: 1 }],
    ['symbols of lists', Object.assign([1], { [Symbol('s')]: 1 })],
    ['__proto__', JSON.parse('{"__proto__":1}')],
    ['bare objects', Object.create(null)],
    ['instances', new URLSearchParams()],
    ['maps', new Map()],
    ['bytes', new Uint8Array(1)],
    ['big integers', 1n],
    ['functions', [(): void => {}]],
    ['dates with more', Object.assign(new Date(0), { more: 1 })],
    ['dates that would be rounded', new Date(8.64e15)],
    ['what throws', throwing],
    ['what shrinks while it is read', [{ first: 1, second: 2 }, shrinking]],
    ['many shapes', Array.from({ length: 33 }, (_, id) => ({ [`k${id}`]: 1 }))],
  ])('leaves %s to others, and goes on', (_, value) => {
    expect(writer.write(value)).toBeUndefined()
    expect(hex(writer.write({ a: [1] }) as Uint8Array)).toBe(hex(codec.encode({ a: [1] })))
  })

  it('does not write into a value that is being written', () => {
    const inside: unknown[] = []
    const value = {
      before: 1,
      get here(): number {
        inside.push(writer.write([1, 2, 3]))
        return 2
      },
    }
    expect(hex(writer.write(value) as Uint8Array)).toBe(hex(codec.encode({ before: 1, here: 2 })))
    expect(inside).toEqual([undefined])
  })
})

describe('TreeReader', () => {
  /** What the codec makes of bytes that the scan lets through. */
  function byCodec(bytes: Buffer): unknown {
    try {
      assertOwnCbor(bytes, -1)
      return codec.decode(Buffer.from(bytes)) as unknown
    } catch {
      return NO_TREE
    }
  }

  it('reads what the codec reads', () => {
    fc.assert(
      fc.property(tree, (value) => {
        const bytes = codec.encode(value)
        const read = reader.read(bytes)
        if (read !== NO_TREE || bytes.length <= 200) expectSame(read, byCodec(bytes))
      }),
      { numRuns: 3_000 },
    )
  })

  it('reads changed bytes as the codec does, or leaves them to it', () => {
    const edit = fc.tuple(fc.nat(), fc.nat(255))
    fc.assert(
      fc.property(tree, fc.array(edit, { minLength: 1, maxLength: 3 }), (value, edits) => {
        const bytes = Buffer.from(codec.encode(value))
        for (const [at, byte] of edits) bytes[at % bytes.length] = byte
        const read = reader.read(bytes)
        if (read !== NO_TREE) expectSame(read, byCodec(bytes))
      }),
      { numRuns: 5_000 },
    )
  })

  it('reads no truncation', () => {
    const bytes = codec.encode([{ id: 1, at: new Date(5), text: 'é'.repeat(30), more: [1.5, 300] }])
    for (let length = 0; length < bytes.length; length += 1) {
      expect(reader.read(bytes.subarray(0, length))).toBe(NO_TREE)
    }
  })

  it('gives objects of a shape that came before, which share nothing', () => {
    const bytes = codec.encode({ a: 1, b: [] })
    Object.assign(reader.read(bytes) as object, { a: 'changed', c: 'added' })
    expect(reader.read(bytes)).toEqual({ a: 1, b: [] })
  })
})
