/** Levels that a tree of ours can have, and some more. */
const MAX_DEPTH = 1_024

/** Extension type around a graph. Stored, so never changed. */
export const GRAPH_TYPE = 0x68

const UNDEFINED_TYPE = 0
const TIMESTAMP_TYPE = 0xff

/**
 * Checks that bytes are one complete item made only of what our encoder writes, in one pass without recursion.
 *
 * The decoder knows more extension types, among them references, records and class names, that hostile bytes could use; and it
 * recurses, so depth is bounded.
 *
 * @returns whether it is a graph, whose items begin after the head of the extension.
 * @throws TypeError when they are not.
 */
export function assertOwnMsgpack(bytes: Uint8Array): boolean {
  const isGraph = bytes[0] === 0xc9 && bytes[5] === GRAPH_TYPE
  const end = bytes.length
  if (isGraph && unsigned(bytes, 1, 4) !== end - 6) throw malformed()
  const open: number[] = [] // how many items each open container still misses
  let missing = 1
  let at = isGraph ? 6 : 0
  while (missing > 0) {
    if (at >= end) throw malformed()
    const head = bytes[at] as number
    const length = LENGTHS[head] as number
    missing -= 1
    if (length > 0) at += length
    else if (head >= 0xc4 && head <= 0xc6) at += sized(bytes, at, 1 << (head - 0xc4))
    else if (head >= 0xd9 && head <= 0xdb) at += sized(bytes, at, 1 << (head - 0xd9))
    else if (isContainer(head)) {
      const width = head < 0xc0 ? 0 : head % 2 === 0 ? 2 : 4
      const count = width === 0 ? head & 15 : unsigned(bytes, at + 1, width)
      const items = head <= 0x8f || head >= 0xde ? 2 * count : count
      at += 1 + width
      if (items > end - at || open.length > MAX_DEPTH) throw malformed()
      if (items > 0) {
        open.push(missing)
        missing = items
      }
    } else at += extension(bytes, at)
    while (missing === 0 && open.length > 0) missing = open.pop() as number
  }
  if (at !== end) throw malformed()
  return isGraph
}

function isContainer(head: number): boolean {
  return (head >= 0x80 && head <= 0x9f) || head >= 0xdc
}

/** Length of a text or of binary data whose head is followed by its size. */
function sized(bytes: Uint8Array, at: number, width: number): number {
  return 1 + width + unsigned(bytes, at + 1, width)
}

/** Length of `undefined` or of a date; no other extension stands inside a value. */
function extension(bytes: Uint8Array, at: number): number {
  const head = bytes[at]
  const type = bytes[at + 1]
  if (head === 0xd4 && type === UNDEFINED_TYPE) return 3
  if (head === 0xd6 && type === TIMESTAMP_TYPE) return 6
  if (head === 0xd7 && type === TIMESTAMP_TYPE) return 10
  if (head === 0xc7 && type === 12 && bytes[at + 2] === TIMESTAMP_TYPE) return 15
  throw malformed()
}

function unsigned(bytes: Uint8Array, at: number, width: number): number {
  let value = 0
  for (let index = at; index < at + width; index += 1) value = value * 256 + (bytes[index] ?? 0)
  return value
}

/** Lengths in bytes of the items that their first byte tells all about; 0 for others. */
const LENGTHS: Readonly<Uint8Array> = Uint8Array.from({ length: 256 }, (_, head) => {
  if (head < 0x80 || head >= 0xe0) return 1
  if (head >= 0xa0 && head < 0xc0) return 1 + (head & 31)
  if (head === 0xc0 || head === 0xc2 || head === 0xc3) return 1
  if (head === 0xca || head === 0xcb) return head === 0xca ? 5 : 9
  if (head >= 0xcc && head <= 0xcf) return 1 + (1 << (head - 0xcc))
  if (head >= 0xd0 && head <= 0xd3) return 1 + (1 << (head - 0xd0))
  return 0
})

function malformed(): TypeError {
  return new TypeError('the bytes are no MessagePack that this format writes')
}
