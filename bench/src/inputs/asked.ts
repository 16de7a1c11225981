import type { Asked } from '../method/loops.ts'
import { seededRandom, shuffle } from '../trace/random.ts'
import { zipf } from '../trace/zipf.ts'
import { keyOf } from './rows.ts'

/** These ids in turn. Equal keys are one string, as they are where keys come from a router or a constant. */
export function askedFor(ids: readonly number[], prefix: string): Asked {
  const keys = new Map<number, string>()
  return {
    ids,
    keys: ids.map((id) => {
      const key = keys.get(id) ?? keyOf(id, prefix)
      keys.set(id, key)
      return key
    }),
  }
}

export function inTurn(count: number): readonly number[] {
  return Array.from({ length: count }, (_, id) => id)
}

/** `requests` of `items`, most for few, in Zipf's proportions. The popular ones do not lie side by side. */
export function byPopularity(items: number, requests: number): readonly number[] {
  const random = seededRandom(42)
  const rank = zipf(items, 1, random)
  const ids = shuffle(
    Uint32Array.from({ length: items }, (_, id) => id),
    random,
  )
  return Array.from({ length: requests }, () => ids[rank()] as number)
}
