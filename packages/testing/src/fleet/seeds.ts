import { type Random, seeded } from '../contract/random.ts'

/**
 * A generator of its own for each purpose, so that what one draws does not move what another does: a caller's steps are the
 * same however many faults are planned.
 */
export function randomFor(seed: number, ...purpose: readonly (string | number)[]): Random {
  let mixed = seed | 0
  for (const character of purpose.join('/')) {
    // FNV-1a: neighbours such as caller 1 and caller 2 get seeds far apart.
    mixed = Math.imul(mixed ^ (character.codePointAt(0) as number), 0x01000193)
  }
  return seeded(mixed ^ (mixed >>> 15))
}

/** A whole number from `least` to `most`. */
export function between(random: Random, least: number, most: number): number {
  return least + random(most - least + 1)
}

/** The same items in another order. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(random(rest.length), 1)[0] as T)
}
