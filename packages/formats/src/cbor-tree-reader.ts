import { MAX_TREE_DEPTH } from './tree.ts'

/** What {@link TreeReader.read} answers for bytes that only the codec reads, or nobody. */
export const NO_TREE: unique symbol = Symbol('no tree')

/** Longer messages are worth what the codec prepares for them. */
const MOST_BYTES = 1_024
const NO_BYTES: Buffer = Buffer.alloc(0)
/** Shapes of records that are remembered. A power of two. */
const MOST_SHAPES = 64

/** Names of properties, and the bytes that stood for them. */
interface Shape {
  /** Which one of its message it is. */
  readonly number: number
  readonly bytes: Uint8Array
  readonly keys: readonly string[]
  /** An object with these properties: to copy it costs less than to add them one by one. */
  readonly model: Readonly<Record<string, unknown>>
}

/**
 * Reads what {@link TreeWriter} writes, checking as it goes: nothing is longer than the bytes, nor deeper than a tree. The codec
 * prepares more for a message than most messages are worth, and has to be kept from what other writers may say. Whatever is not
 * as expected is left to it.
 */
export class TreeReader {
  readonly #remembered: (Shape | undefined)[] = Array.from({ length: MOST_SHAPES })
  #bytes: Buffer = NO_BYTES
  #at = 0
  /** Those of this message, which come in the order of their numbers. */
  #shapes: Shape[] = []
  #depth = 0

  read(bytes: Buffer): unknown {
    if (bytes.length > MOST_BYTES) return NO_TREE
    this.#bytes = bytes
    this.#at = 0
    this.#depth = 0
    this.#shapes = []
    const value = this.#item()
    // It may be a view on something large.
    this.#bytes = NO_BYTES
    return this.#at === bytes.length ? value : NO_TREE
  }

  #item(): unknown {
    const bytes = this.#bytes
    const head = bytes[this.#at] as number
    switch (head >> 5) {
      case 0:
      case 1: {
        const number = this.#argument()
        if (number < 0) return NO_TREE
        return head < 0x20 ? number : -1 - number
      }
      case 3:
        return this.#text()
      case 4:
        return this.#list()
      case 6:
        return head === 0xc1 ? this.#date() : this.#record()
      case 7:
        return this.#simple(head)
      default:
        return NO_TREE
    }
  }

  /** What a head says of its item: behind it then; -1 when it is none of ours, or incomplete. */
  #argument(): number {
    const bytes = this.#bytes
    const at = this.#at
    const low = (bytes[at] as number) & 31
    if (low < 24) {
      this.#at = at + 1
      return low
    }
    const width = low === 24 ? 1 : low === 25 ? 2 : low === 26 ? 4 : 9
    if (width === 9 || at + width >= bytes.length) return -1
    this.#at = at + 1 + width
    if (width === 1) return bytes[at + 1] as number
    if (width === 2) return ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number)
    return bytes.readUInt32BE(at + 1)
  }

  #text(): string | typeof NO_TREE {
    const length = this.#argument()
    const at = this.#at
    const end = at + length
    const bytes = this.#bytes
    if (length < 0 || end > bytes.length) return NO_TREE
    this.#at = end
    return shortText(bytes, at, length) ?? bytes.toString('utf8', at, end)
  }

  #list(): unknown {
    const length = this.#argument()
    if (length < 0 || length > this.#bytes.length - this.#at) return NO_TREE
    if (this.#depth === MAX_TREE_DEPTH) return NO_TREE
    this.#depth += 1
    const list: unknown[] = []
    for (let index = 0; index < length; index += 1) {
      const item = this.#at < this.#bytes.length ? this.#item() : NO_TREE
      if (item === NO_TREE) return NO_TREE
      list.push(item)
    }
    this.#depth -= 1
    return list
  }

  #record(): unknown {
    const bytes = this.#bytes
    const at = this.#at
    if (bytes[at] !== 0xd9 || at + 4 > bytes.length) return NO_TREE
    const high = bytes[at + 1]
    const low = bytes[at + 2] as number
    this.#at = at + 3
    let shape: Shape | undefined
    if (high === 0xe0) {
      shape = this.#shapes[low]
      if ((bytes[this.#at] as number) >> 5 !== 4) return NO_TREE
      if (shape?.keys.length !== this.#argument()) return NO_TREE
    } else if (high === 0xdf && low === 0xff) shape = this.#define()
    if (shape === undefined || this.#depth === MAX_TREE_DEPTH) return NO_TREE
    this.#depth += 1
    const { keys } = shape
    const record: Record<string, unknown> = { ...shape.model }
    for (let index = 0; index < keys.length; index += 1) {
      const item = this.#at < bytes.length ? this.#item() : NO_TREE
      if (item === NO_TREE) return NO_TREE
      record[keys[index] as string] = item
    }
    this.#depth -= 1
    return record
  }

  /** Most messages define a shape that an earlier one has defined with the very same bytes. */
  #define(): Shape | undefined {
    const bytes = this.#bytes
    const from = this.#at
    const slot = ((bytes[from] as number) + 7 * (bytes[from + 6] ?? 0)) & (MOST_SHAPES - 1)
    const known = this.#remembered[slot]
    if (known !== undefined && beginsWith(bytes, from, known.bytes)) {
      if (known.number !== this.#shapes.length) return undefined
      this.#shapes.push(known)
      this.#at = from + known.bytes.length
      return known
    }
    const keys = this.#names()
    if (keys === undefined) return undefined
    const model: Record<string, unknown> = {}
    for (const key of keys) model[key] = undefined
    const shape: Shape = {
      number: this.#shapes.length,
      bytes: Uint8Array.from(bytes.subarray(from, this.#at)),
      keys,
      model,
    }
    this.#shapes.push(shape)
    this.#remembered[slot] = shape
    return shape
  }

  #names(): readonly string[] | undefined {
    const bytes = this.#bytes
    if ((bytes[this.#at] as number) >> 5 !== 4) return undefined
    const size = this.#argument() - 2
    const at = this.#at
    if (bytes[at] !== 0x19 || bytes[at + 1] !== 0xe0) return undefined
    if (bytes[at + 2] !== this.#shapes.length || (bytes[at + 3] ?? 0) >> 5 !== 4) return undefined
    this.#at = at + 3
    if (this.#argument() !== size || size > bytes.length - this.#at) return undefined
    const keys: string[] = []
    for (let index = 0; index < size; index += 1) {
      if ((bytes[this.#at] ?? 0) >> 5 !== 3) return undefined
      const key = this.#text()
      if (key === NO_TREE || key === '__proto__') return undefined
      keys.push(key)
    }
    return keys
  }

  #date(): unknown {
    this.#at += 1
    const head = this.#bytes[this.#at]
    if (head !== 0x1a && head !== 0xfb) return NO_TREE
    const seconds = this.#item()
    return typeof seconds === 'number' ? new Date(Math.round(seconds * 1_000)) : NO_TREE
  }

  #simple(head: number): unknown {
    const at = this.#at
    if (head === 0xfb) {
      if (at + 9 > this.#bytes.length) return NO_TREE
      this.#at = at + 9
      return this.#bytes.readDoubleBE(at + 1)
    }
    this.#at = at + 1
    switch (head) {
      case 0xf4:
        return false
      case 0xf5:
        return true
      case 0xf6:
        return null
      case 0xf7:
        return undefined
      default:
        return NO_TREE
    }
  }
}

function beginsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  for (let index = 0; index < start.length; index += 1) {
    if (bytes[at + index] !== start[index]) return false
  }
  return true
}

/** The text of a few letters of ASCII: calls of a native decoder take longer. */
function shortText(bytes: Buffer, at: number, length: number): string | undefined {
  if (length > 6) {
    if (length > 12) return undefined
    const first = shortText(bytes, at, 6)
    const second = first === undefined ? first : shortText(bytes, at + 6, length - 6)
    // One piece of memory: the engine joins texts lazily from 13 letters on.
    return second === undefined ? second : `${first}${second}`
  }
  if (length === 0) return ''
  const a = bytes[at] as number
  const b = length > 1 ? (bytes[at + 1] as number) : 0
  const c = length > 2 ? (bytes[at + 2] as number) : 0
  const d = length > 3 ? (bytes[at + 3] as number) : 0
  const e = length > 4 ? (bytes[at + 4] as number) : 0
  const f = length > 5 ? (bytes[at + 5] as number) : 0
  if ((a | b | c | d | e | f) > 127) return undefined
  switch (length) {
    case 1:
      return String.fromCharCode(a)
    case 2:
      return String.fromCharCode(a, b)
    case 3:
      return String.fromCharCode(a, b, c)
    case 4:
      return String.fromCharCode(a, b, c, d)
    case 5:
      return String.fromCharCode(a, b, c, d, e)
    default:
      return String.fromCharCode(a, b, c, d, e, f)
  }
}
