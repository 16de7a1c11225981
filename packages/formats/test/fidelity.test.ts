import { deepStrictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CacheError, type Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { describe, expect, it } from 'vitest'
import { FIDELITY, type Fidelity, type Outcome } from './fidelity/cases.ts'

const FORMATS: readonly Format[] = [cbor, msgpack, v8, json]

const outcomeOf = (format: Format, row: Fidelity): Outcome =>
  format === json ? row.json : row.binary

/** Deep values and their comparison both recurse; the check of the row looks at those. */
function compare(row: Fidelity, actual: unknown, expected: unknown): void {
  if (!row.kind.endsWith('levels') && !isInvalidDate(expected)) deepStrictEqual(actual, expected)
  row.check?.(actual, expected)
}

function isInvalidDate(value: unknown): boolean {
  return value instanceof Date && Number.isNaN(value.getTime())
}

function expectOutcome(format: Format, row: Fidelity, value: unknown): void {
  const outcome = outcomeOf(format, row)
  if (typeof outcome === 'object' && 'fails' in outcome) {
    const error = failureOf(() => format.encode(value))
    expect(CacheError.is(error, 'ENCODE_FAILED') && error.details).toEqual({
      format: format.id,
      path:
        outcome.fails === 'deep'
          ? expect.stringContaining('…')
          : expect.stringContaining(outcome.fails),
    })
    return
  }
  const decoded = roundTrip(format, value)
  if (outcome === 'same') compare(row, decoded, value)
  else deepStrictEqual(decoded, outcome.value())
}

/** Through bytes that are wiped before the value is looked at: nothing decoded may point into them. */
function roundTrip(format: Format, value: unknown): unknown {
  const encoded = format.encode(value)
  const source = new Uint8Array(encoded.length + 7).subarray(7)
  source.set(encoded)
  const decoded = format.decode(source)
  source.fill(0)
  return decoded
}

function failureOf(action: () => unknown): unknown {
  try {
    action()
  } catch (error) {
    return error
  }
  return undefined
}

describe.each(FORMATS)('fidelity of $id', (format) => {
  it.each(FIDELITY)('$kind', (row) => {
    for (const value of row.values()) expectOutcome(format, row, value)
  })

  it.each(FIDELITY.filter(({ kind }) => !kind.endsWith('levels')))(
    'inside others: $kind',
    (row) => {
      const outcome = outcomeOf(format, row)
      for (const value of row.values()) {
        if (format === json && value === undefined) continue // has a row of its own
        const wrapped = { list: [value], text: 'beside' }
        if (typeof outcome === 'object' && 'fails' in outcome) {
          const error = failureOf(() => format.encode(wrapped))
          expect(CacheError.is(error, 'ENCODE_FAILED')).toBe(true)
          const path = CacheError.is(error, 'ENCODE_FAILED') ? error.details.path : undefined
          expect(path).toContain(outcome.fails.replace('$', '$.list[0]'))
          continue
        }
        const decoded = roundTrip(format, wrapped) as typeof wrapped
        if (outcome === 'same') compare(row, decoded.list[0], value)
        else deepStrictEqual(decoded.list[0], outcome.value())
        expect(decoded.text).toBe('beside')
      }
    },
  )
})

describe('fidelity table of the README', () => {
  it('says what the formats do', () => {
    const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')
    const rows = readme
      .split('<!-- fidelity -->')[1]!
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
    const expected = FIDELITY.map((row) =>
      [row.kind].concat(FORMATS.map((format) => inWords(outcomeOf(format, row)))),
    )
    expect(rows.slice(2)).toEqual(expected)
    expect(rows[0]).toEqual(['value', ...FORMATS.map(({ id }) => `\`${id}\``)])
  })
})

function inWords(outcome: Outcome): string {
  if (outcome === 'same') return 'same'
  return 'fails' in outcome ? 'error' : outcome.becomes
}
