/** The next of a series of numbers from 0 up to, not including, 1. */
export type Random = () => number

/** The series that belongs to a seed (Mulberry32): fast, and good enough to choose keys and moments by. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Puts the elements in an order drawn by `random` (Fisher-Yates), in place. */
export function shuffle(elements: Uint32Array, random: Random): Uint32Array {
  for (let last = elements.length - 1; last > 0; last--) {
    const chosen = Math.floor(random() * (last + 1))
    const moved = elements[last] as number
    elements[last] = elements[chosen] as number
    elements[chosen] = moved
  }
  return elements
}
