import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { casesFor, formatContract, type FormatSubject } from '@hitbox/testing'
import { describe, it } from 'vitest'

const shared = { n: 1 }

const SUBJECTS: readonly FormatSubject[] = [
  { format: cbor, capabilities: { stable: true } },
  { format: msgpack, capabilities: { stable: true } },
  {
    format: v8,
    capabilities: { stable: 'V8 writes a number as it holds it, as an integer or as a double' },
  },
  {
    format: json,
    conversions: {
      'undefined in an object': { b: 1 },
      'shared reference': { a: shared, b: { ...shared } },
    },
    capabilities: { stable: true },
  },
]

describe.each(SUBJECTS)('contract of $format.id', (subject) => {
  for (const promise of casesFor(formatContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})
