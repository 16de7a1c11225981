import type { Reply } from '../session.ts'
import { keySlot } from './key-slot.ts'

/** Enough for a node with a handful of slots; one with fewer is as good as none. */
const MOST_TRIES = 20_000

/**
 * A text that, between braces, makes a key one of the node's own.
 *
 * @param nodes - What it answered to `CLUSTER NODES`. @returns `undefined` when it has no slots, or does not say.
 */
export function probeTag(nodes: Reply | undefined): string | undefined {
  const text = typeof nodes === 'string' || Buffer.isBuffer(nodes) ? String(nodes) : ''
  const mine = text.split('\n').find((line) => / (?:\w+,)*myself(?:,\w+)* /.test(line))
  const ranges = (mine?.split(' ').slice(8) ?? []).flatMap((range): [number, number][] => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range)
    return match === null ? [] : [[Number(match[1]), Number(match[2] ?? match[1])]]
  })
  if (ranges.length === 0) return undefined
  for (let tag = 0; tag < MOST_TRIES; tag += 1) {
    const slot = keySlot(`{${tag}}`)
    if (ranges.some(([from, to]) => slot >= from && slot <= to)) return String(tag)
  }
  return undefined
}
