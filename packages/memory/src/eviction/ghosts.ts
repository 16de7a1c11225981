/** Keys that a row remembers, two in each of its places. */
const KEYS_PER_ROW = 8
const PLACES_PER_ROW = KEYS_PER_ROW / 2

/**
 * Remembers that keys were here, about the last so many of them, in two bytes each: by a fingerprint of 16 bits, in rows of eight where
 * a new one pushes out the oldest. How long a key is remembered varies by a third, with how many others come to its row. One key in some
 * eight thousand is taken for another, which puts an entry in the wrong queue and does no other harm.
 */
export class Ghosts {
  readonly #places: Int32Array
  readonly #rowsPerHash: number

  constructor(wanted: number) {
    const rows = Math.ceil(wanted / KEYS_PER_ROW)
    this.#rowsPerHash = rows / 2 ** 32
    this.#places = new Int32Array(rows * PLACES_PER_ROW)
  }

  /** @param hash - Of the key, by {@link hashOf}. */
  add(hash: number): void {
    const places = this.#places
    const row = this.#rowOf(hash)
    const first = places[row] as number
    const second = places[row + 1] as number
    const third = places[row + 2] as number
    places[row + 3] = ((places[row + 3] as number) << 16) | (third >>> 16)
    places[row + 2] = (third << 16) | (second >>> 16)
    places[row + 1] = (second << 16) | (first >>> 16)
    places[row] = (first << 16) | fingerprint(hash)
  }

  /** Whether the key was here, and forgets it. @param hash - Of the key, by {@link hashOf}. */
  take(hash: number): boolean {
    const places = this.#places
    const row = this.#rowOf(hash)
    const pair = Math.imul(fingerprint(hash), 0x1_00_01)
    // Nearly always it is in none, which this tells without a branch.
    const found =
      zeroHalf((places[row] as number) ^ pair) |
      zeroHalf((places[row + 1] as number) ^ pair) |
      zeroHalf((places[row + 2] as number) ^ pair) |
      zeroHalf((places[row + 3] as number) ^ pair)
    return found !== 0 && this.#forget(row, pair)
  }

  #forget(row: number, pair: number): true {
    for (let place = row; place < row + PLACES_PER_ROW; place += 1) {
      const kept = this.#places[place] as number
      const half = zeroHalf(kept ^ pair)
      if (half === 0) continue
      this.#places[place] = (half & 0x80_00) !== 0 ? kept & ~0xff_ff : kept & 0xff_ff
      return true
    }
    return true
  }

  /** By the upper bits, so that the lower ones tell the keys of a row apart. */
  #rowOf(hash: number): number {
    return ((((hash >>> 0) * this.#rowsPerHash) | 0) * PLACES_PER_ROW) | 0
  }
}

/** The lower bits, and never 0: that is nobody. */
function fingerprint(hash: number): number {
  return hash & 0xff_ff || 1
}

/** Not 0 when one half of the 32 bits is 0: the highest bit of the lower half if that is, else that of the upper half. */
function zeroHalf(bits: number): number {
  return (bits - 0x1_00_01) & ~bits & 0x80_00_80_00
}

/** 32 bits that all depend on all characters: four characters at a time, then the others and a last round. */
export function hashOf(key: string): number {
  const { length } = key
  let hash = length
  let index = 0
  for (; index + 3 < length; index += 4) {
    const four =
      key.charCodeAt(index) ^
      (key.charCodeAt(index + 1) << 8) ^
      (key.charCodeAt(index + 2) << 16) ^
      (key.charCodeAt(index + 3) << 24)
    hash = Math.imul(hash ^ four, 0x85_eb_ca_6b)
    hash ^= hash >>> 15
  }
  for (; index < length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x85_eb_ca_6b)
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2_b2_ae_35)
  return hash ^ (hash >>> 16)
}
