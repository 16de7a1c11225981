import assert from 'node:assert/strict'
import { CacheError } from '@hitbox/core'
import type { FormatCase, FormatSubject } from '../format-subject.ts'
import { SAMPLES, VALUE_KINDS, type ValueKind } from './value-kinds.ts'

/** What became of a value: bytes, or nothing because it was refused. */
export function encoded({ format }: FormatSubject, value: unknown): Uint8Array | undefined {
  try {
    return format.encode(value)
  } catch (error) {
    assert.ok(CacheError.is(error, 'ENCODE_FAILED'), `it was refused with ${String(error)}`)
    return undefined
  }
}

function keeps(subject: FormatSubject, kind: ValueKind): void {
  const sample = SAMPLES[kind]
  const value = sample.make()
  const bytes = encoded(subject, value)
  if (bytes === undefined) return
  const decoded = subject.format.decode(Uint8Array.from(bytes))
  if (Object.hasOwn(subject.conversions ?? {}, kind)) {
    const expected = subject.conversions?.[kind]
    assert.deepEqual(decoded, expected, 'it became another value than documented')
  } else if (sample.same !== undefined) sample.same(decoded)
  else assert.deepEqual(decoded, value, 'it came back as another value, and no conversion says so')
}

/** Group K, first part: a value comes back the same, as documented, or is refused. Never otherwise. */
export const keptValueCases: readonly FormatCase[] = VALUE_KINDS.map((kind, index): FormatCase => ({
  id: `K${101 + index}`,
  group: 'format',
  title: `keeps, converts as documented, or refuses: ${kind}`,
  why: 'what a memory tier returns and what a shared tier returns must not differ in silence',
  needs: [],
  run: async (subject) => keeps(subject, kind),
}))
