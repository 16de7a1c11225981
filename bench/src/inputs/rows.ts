import type { Row } from '../contender.ts'

/** The smallest that can be told apart. */
export function tinyRow(id: number): Row {
  return { id }
}

/** A small object of a service; no two share a text. */
export function smallRow(id: number): Row {
  return { id, name: `User number ${id}`, email: `user${id}@example.org` } as Row
}

/** Of about so many bytes as JSON, in records; JSON and CBOR both keep it, so that all contenders store the same. */
export function rowOfSize(id: number, bytes: number): Row {
  const record = { id, name: 'Ada Lovelace', tags: ['a', 'b'], at: 1_700_000_000_000 }
  const each = JSON.stringify(record).length + 1
  const rest = Math.max(1, Math.round((bytes - 20) / each))
  return {
    id,
    rows: Array.from({ length: rest }, (_, index) => ({ ...record, id: index })),
  } as Row
}

export function keyOf(id: number, prefix = ''): string {
  return `${prefix}user:${id}`
}

export function idOf(key: string): number {
  return Number(key.slice(key.lastIndexOf(':') + 1))
}

/** Half of the ids have either of two tags. */
export function tagOf(key: string): string {
  return `tag:${idOf(key) % 2}`
}
