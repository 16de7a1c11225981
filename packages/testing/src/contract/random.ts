/** Numbers that look random and are the same in every run: whole ones, from 0 to `below` - 1. */
export type Random = (below: number) => number

/** The generator mulberry32. */
export function seeded(seed: number): Random {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

/** Bytes that no compressor makes smaller. */
export function randomBytes(length: number, seed = 1): Uint8Array {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => random(256))
}

/** Text of one byte per character in UTF-8. */
export function randomText(length: number, seed = 1): string {
  const random = seeded(seed)
  let text = ''
  while (text.length < length) text += random(2 ** 30).toString(36)
  return text.slice(0, length)
}
