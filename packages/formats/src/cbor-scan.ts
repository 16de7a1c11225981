/** Levels of CBOR that a tree of ours can have: records and sets take two for one of the value. */
const MAX_DEPTH = 1_024

/** First of the tags that stand for the shape of a record, and how many there are. */
const RECORD_TAG = 0xe000
const RECORD_TAGS = 256
const RECORD_DEFINITION_TAG = 0xdfff
const REGEXP_HEAD = [0x83, 0x66, 0x52, 0x65, 0x67, 0x45, 0x78, 0x70] as const

/**
 * Checks that bytes are one complete item made only of what our encoder writes, in one pass without recursion.
 *
 * The decoder knows many more tags, for other purposes: some turn a few hostile bytes into hours of work (long bignums, packed
 * tables), or convert what they hold to text. Depth is bounded too, so that it stays away from the end of the stack.
 *
 * @param graphTag - Allowed at the very beginning.
 * @throws TypeError when they are not.
 */
export function assertOwnCbor(bytes: Uint8Array, graphTag: number): void {
  const end = bytes.length
  const open: number[] = [] // how many items each open container still misses
  const records: boolean[] = [] // which shapes are defined so far
  let missing = 1
  let at = 0
  while (missing > 0) {
    const head = bytes[at] ?? 0xff
    const length = LENGTHS[head] as number
    missing -= 1
    if (length > 0) at += length
    else if (head === 0xd9 && isKnownRecord(bytes, at, records)) {
      // Most of what is not told by its first byte; the same as below, in one step.
      const items = (bytes[at + 3] as number) & 31
      at += 4
      if (items > end - at || open.length >= MAX_DEPTH) throw malformed()
      // The tag and what it is on.
      open.push(missing, 0)
      missing = items
    } else {
      const major = head >> 5
      let argument = head & 31
      at += 1
      if (argument > 23) {
        const width = argument < 27 ? 1 << (argument - 24) : end
        const stop = at + width
        if (stop > end) throw malformed()
        for (argument = 0; at < stop; at += 1) argument = argument * 256 + (bytes[at] as number)
      }
      if (major === 2 || major === 3) at += argument
      else if (major < 4 || major === 7) throw malformed()
      else {
        if (major === 6 && !isOwnTag(argument, bytes, at, records)) {
          if (argument !== graphTag || at !== 3) throw malformed()
        }
        const items = major === 4 ? argument : major === 5 ? 2 * argument : 1
        if (items > end - at || open.length > MAX_DEPTH) throw malformed()
        if (items > 0) {
          open.push(missing)
          missing = items
        }
      }
    }
    while (missing === 0 && open.length > 0) missing = open.pop() as number
  }
  if (at !== end) throw malformed()
}

/** Lengths in bytes of the items that their first byte tells all about; 0 for others. */
const LENGTHS: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, head) => {
  const major = head >> 5
  const low = head & 31
  const argument = [1, 2, 4, 8][low - 24]
  if (major < 2) return low < 24 ? 1 : argument === undefined ? 0 : 1 + argument
  if (major === 2 || major === 3) return low < 24 ? 1 + low : 0
  // Of the rest, the constants from `false` to `undefined`, and three sizes of floating point.
  if (major !== 7) return 0
  return low >= 20 && low < 24 ? 1 : argument === undefined || low === 24 ? 0 : 1 + argument
})

/** Whether it is a record of a shape that is defined, with fewer than 24 properties. */
function isKnownRecord(bytes: Uint8Array, at: number, records: readonly boolean[]): boolean {
  const head = bytes[at + 3] as number
  return (
    bytes[at + 1] === RECORD_TAG >> 8 &&
    records[bytes[at + 2] as number] === true &&
    head >= 0x80 &&
    head < 0x98
  )
}

/** Whether it is a tag of ours, on what it belongs on. */
function isOwnTag(tag: number, bytes: Uint8Array, at: number, records: boolean[]): boolean {
  const major = (bytes[at] ?? 0) >> 5
  if (tag >= RECORD_TAG) {
    return major === 4 && tag < RECORD_TAG + RECORD_TAGS && records[tag - RECORD_TAG] === true
  }
  if (tag === RECORD_DEFINITION_TAG) return major === 4 && definesRecord(bytes, at, records)
  if (tag >= 64 && tag <= 86) return major === 2 // typed arrays
  if (tag === 258) return major === 4 // sets
  if (tag === 27) return isRegExp(bytes, at)
  return tag === 1 && (major < 2 || major === 7) // dates
}

/** An array of the tag for the shape, an array of keys, and values. */
function definesRecord(bytes: Uint8Array, arrayAt: number, records: boolean[]): boolean {
  const at = arrayAt + headLength(bytes[arrayAt] as number)
  if (bytes[at] !== 0x19 || bytes[at + 1] !== RECORD_TAG >> 8) return false
  const keysHead = bytes[at + 3] ?? 0
  if (keysHead >> 5 !== 4) return false
  records[bytes[at + 2] as number] = true
  return true
}

/** An array of the word, the source and the flags; both texts of any length. */
function isRegExp(bytes: Uint8Array, at: number): boolean {
  if (!REGEXP_HEAD.every((byte, offset) => bytes[at + offset] === byte)) return false
  const sourceAt = at + REGEXP_HEAD.length
  const head = bytes[sourceAt] ?? 0
  if (head >> 5 !== 3) return false
  const from = sourceAt + headLength(head)
  let length = head & 31
  if (length > 23) {
    length = 0
    for (let index = sourceAt + 1; index < from; index += 1)
      length = length * 256 + (bytes[index] ?? 0)
  }
  return (bytes[from + length] ?? 0) >> 5 === 3
}

function headLength(head: number): number {
  const low = head & 31
  return low < 24 ? 1 : low < 28 ? 1 + (1 << (low - 24)) : 1
}

function malformed(): TypeError {
  return new TypeError('the bytes are no CBOR that this format writes')
}
