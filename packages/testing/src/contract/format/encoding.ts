import assert from 'node:assert/strict'
import type { FormatCapability, FormatCase, FormatSubject } from '../format-subject.ts'
import { randomBytes, randomText, seeded } from '../random.ts'
import { encoded } from './kept-values.ts'

function formatCase(
  id: string,
  title: string,
  why: string,
  test: (subject: FormatSubject) => void,
  needs: readonly FormatCapability[] = [],
): FormatCase {
  return Object.freeze({
    id,
    group: 'format',
    title,
    why,
    needs,
    run: async (s: FormatSubject) => test(s),
  })
}

function roundTrips({ format }: FormatSubject, value: unknown): void {
  assert.deepEqual(format.decode(Uint8Array.from(format.encode(value))), value)
}

const ROWS = Array.from({ length: 200 }, (_, id) => ({
  id,
  name: `user ${id}`,
  score: id / 7,
  tags: ['a', `b${id}`],
  address: id % 2 === 0 ? null : { city: 'Köln', zip: String(id) },
}))

/** Group K, second part: what is true of any encoding. */
export const encodingCases: readonly FormatCase[] = [
  formatCase(
    'K01',
    'has an id that an envelope can carry',
    'the id tells a reader how to decode',
    ({ format }) => assert.match(format.id, /^[a-z0-9.-]{1,32}$/),
  ),
  formatCase(
    'K02',
    'keeps what JSON can say',
    'this is the least that anybody expects',
    (subject) => {
      const values = [null, true, false, 0, '', [], {}, [[]], { a: {} }, [null, [1, ['x']]], ROWS]
      for (const value of values) roundTrips(subject, value)
    },
  ),
  formatCase(
    'K03',
    'keeps numbers exactly',
    'a format that saves bytes on numbers must not save on their value',
    (subject) => {
      const limits = [7, 8, 15, 16, 23, 24, 31, 32, 52, 53].map((bits) => 2 ** bits)
      const whole = limits.flatMap((limit) => [limit - 1, limit, -limit, 1 - limit])
      const odd = [0.1, 1 / 3, 1e300, 5e-324, 1.7976931348623157e308, 2 ** 60 + 2 ** 20, 16_777_217]
      roundTrips(subject, [...whole, ...odd, ...odd.map((number) => -number)])
    },
  ),
  formatCase(
    'K04',
    'keeps texts of all lengths and scripts',
    'lengths of texts are counted in bytes or in units, and both end somewhere',
    (subject) => {
      for (const length of [1, 23, 24, 31, 32, 255, 256, 65_535, 65_536, 1_000_000])
        roundTrips(subject, randomText(length, length))
      roundTrips(subject, ['\0', 'Ünï', '漢字'.repeat(100), '👩‍👩‍👧‍👦', '\u2028', '\ufeffx', '__proto__'])
    },
  ),
  formatCase(
    'K05',
    'does not return what points into the bytes it was given',
    'the bytes may be those of a driver or a store, which will be others soon',
    (subject) => {
      const value = { text: 'text', list: [1, 2], bytes: randomBytes(500) }
      const bytes = encoded(subject, value) ?? subject.format.encode({ text: 'text', list: [1, 2] })
      const arena = new Uint8Array(bytes.length + 200).fill(7)
      arena.set(bytes, 100)
      const decoded = subject.format.decode(arena.subarray(100, 100 + bytes.length))
      const before = structuredClone(decoded)
      arena.fill(0)
      assert.deepEqual(decoded, before)
    },
  ),
  formatCase(
    'K06',
    'returns bytes that later calls do not write to',
    'encoders like to use one buffer for all',
    ({ format }) => {
      const first = format.encode(ROWS)
      const copy = Uint8Array.from(first)
      for (let turn = 0; turn < 100; turn += 1) {
        format.encode({ turn, text: randomText(2_000, turn) })
        format.decode(copy)
      }
      assert.equal(Buffer.compare(first, copy), 0)
    },
  ),
  formatCase(
    'K07',
    'makes the same bytes of equal values, also after others',
    'who compares or hashes bytes relies on it; and bytes that depend on what came before cannot be read elsewhere',
    ({ format }) => {
      const before = Uint8Array.from(format.encode(ROWS))
      for (let turn = 0; turn < 200; turn += 1) format.encode({ [`shape ${turn}`]: turn, same: 1 })
      assert.equal(Buffer.compare(before, format.encode(structuredClone(ROWS))), 0)
    },
    ['stable'],
  ),
  formatCase('K08', 'throws on bytes that were cut short', 'half a value is none', ({ format }) => {
    const bytes = Uint8Array.from(format.encode({ list: ROWS.slice(0, 3), end: 'end' }))
    for (let length = 0; length < bytes.length; length += 1)
      assert.throws(() => format.decode(bytes.slice(0, length)), `${length} bytes were enough`)
  }),
  formatCase(
    'K09',
    'survives bytes that it did not write',
    'it may throw, or give some value; it may not take the process or its objects with it',
    (subject) => {
      const { format } = subject
      const random = seeded(9)
      const bytes = format.encode({ rows: ROWS.slice(0, 5), text: 'text' })
      const survive = (rubbish: Uint8Array): void => {
        try {
          format.decode(rubbish)
        } catch {
          // As it should be.
        }
      }
      for (let turn = 0; turn < 2_000; turn += 1) {
        const flipped = Uint8Array.from(bytes)
        const at = random(flipped.length)
        flipped[at] = (flipped[at] as number) ^ (1 << random(8))
        survive(flipped)
        survive(randomBytes(random(64), turn))
      }
      assert.deepEqual(Object.keys(Object.prototype), [])
      roundTrips(subject, ROWS)
    },
  ),
  formatCase(
    'K10',
    'does not let data change the prototypes of the program',
    'values come from outside',
    (subject) => {
      const texts = [
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"polluted":1}}}',
        '[{"a":{"__proto__":{"polluted":1}}}]',
      ]
      for (const text of texts) {
        const bytes = encoded(subject, JSON.parse(text))
        if (bytes !== undefined) subject.format.decode(bytes)
        assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
      }
    },
  ),
  formatCase(
    'K11',
    'can be called from inside itself',
    'a getter that reads through a cache calls the format in the middle of its work',
    (subject) => {
      const { format } = subject
      const value = {
        before: randomText(50),
        get inside() {
          format.decode(format.encode({ other: randomText(500, 2) }))
          return 'inside'
        },
        after: randomText(50, 3),
      }
      const bytes = encoded(subject, value)
      if (bytes === undefined) return
      assert.deepEqual(format.decode(bytes), { ...value })
    },
  ),
  formatCase(
    'K12',
    'works on after a value that throws',
    'state that is left behind spoils the values that follow',
    (subject) => {
      const bad = {
        ok: 1,
        get broken() {
          throw new Error('a getter throws')
        },
      }
      for (let turn = 0; turn < 10; turn += 1) {
        assert.throws(() => subject.format.encode([ROWS, bad]))
        roundTrips(subject, ROWS)
      }
    },
  ),
  formatCase(
    'K13',
    'keeps objects of thousands of shapes',
    'encoders that learn shapes have room for some',
    (subject) => {
      for (let turn = 0; turn < 3_000; turn += 1)
        roundTrips(subject, { [`a${turn}`]: turn, [`b${turn % 7}`]: 'x', [`c${turn % 130}`]: null })
      const wide = Object.fromEntries(
        Array.from({ length: 1_000 }, (_, key) => [`key ${key}`, key]),
      )
      roundTrips(subject, wide)
      roundTrips(subject, [wide, ROWS])
    },
  ),
]
