import { types } from 'node:util'
import { isUtf8Safe } from './text.ts'
import { hasNoExtras, MAX_TREE_DEPTH } from './tree.ts'

/** Begins a record whose shape comes with it, and one of a shape that was defined before. */
const RECORD_DEFINITION_TAG = 0xdf_ff
const RECORD_TAG = 0xe0_00
/** With more, what is searched here is looked up there. */
const MOST_SHAPES = 32
/** With more, a set finds an object sooner than a search. */
const FEW_OBJECTS = 16
/** Shorter ones are written letter by letter, since the call of a native encoder costs as much as these many letters. */
const SHORT_TEXT = 64
const FIRST_BYTES = 8_192
/** Memory that is kept for the next value. */
const MOST_KEPT_BYTES = 2 ** 20

const { getPrototypeOf, getOwnPropertySymbols, keys: keysOf, hasOwn } = Object

/**
 * Writes plain trees of objects, arrays, dates and primitives, as the codec would, in the same walk that looks whether they are that:
 * such values are nearly all that is ever stored, and looking at them first costs more than writing them.
 */
export class TreeWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #buffer = Buffer.from(this.#bytes.buffer)
  #view = new DataView(this.#bytes.buffer)
  #at = 0
  /** Keys of the records so far. */
  #shapes: (readonly string[])[] = []
  /** Objects so far: one that comes twice is shared, and its value no tree. */
  readonly #few: unknown[] = Array.from({ length: FEW_OBJECTS })
  #count = 0
  #many: Set<unknown> | undefined
  #busy = false

  /** @returns `undefined` for what only the codec, or a graph, keeps. */
  write(value: unknown): Uint8Array | undefined {
    // An accessor or a proxy inside a value came back here.
    if (this.#busy) return undefined
    this.#busy = true
    try {
      return this.#item(value, 0) ? this.#bytes.slice(0, this.#at) : undefined
    } catch {
      return undefined // an accessor or a proxy threw; flattening tells where
    } finally {
      this.#at = 0
      this.#shapes = []
      this.#few.fill(undefined, 0, this.#count)
      this.#count = 0
      this.#many = undefined
      if (this.#bytes.length > MOST_KEPT_BYTES) this.#use(new Uint8Array(FIRST_BYTES))
      this.#busy = false
    }
  }

  /** @returns whether it could be written. */
  #item(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
        return this.#text(value)
      case 'number':
        return this.#number(value)
      case 'boolean':
        return this.#byte(value ? 0xf5 : 0xf4)
      case 'undefined':
        return this.#byte(0xf7)
      case 'object':
        return value === null ? this.#byte(0xf6) : this.#object(value, depth)
      default:
        return false
    }
  }

  #object(value: object, depth: number): boolean {
    if (depth > MAX_TREE_DEPTH || !this.#isNew(value)) return false
    const prototype: unknown = getPrototypeOf(value)
    if (prototype === Object.prototype) {
      return this.#record(value as Readonly<Record<string, unknown>>, depth)
    }
    if (prototype === Array.prototype) return Array.isArray(value) && this.#list(value, depth)
    return prototype === Date.prototype && types.isDate(value) && this.#date(value)
  }

  #isNew(value: object): boolean {
    if (this.#many === undefined) {
      const few = this.#few
      const count = this.#count
      for (let index = 0; index < count; index += 1) if (few[index] === value) return false
      if (count < FEW_OBJECTS) {
        few[count] = value
        this.#count = count + 1
        return true
      }
      this.#many = new Set<unknown>(few)
    }
    const before = this.#many.size
    return this.#many.add(value).size > before
  }

  #record(value: Readonly<Record<string, unknown>>, depth: number): boolean {
    if (getOwnPropertySymbols(value).length !== 0) return false
    const shape = this.#shapeOf(value)
    if (shape === -1) return this.#newRecord(value, depth)
    this.#head(6, RECORD_TAG + shape)
    let missing = (this.#shapes[shape] as readonly string[]).length
    this.#head(4, missing)
    // Twice as fast as a list of keys.
    for (const key in value) {
      if (!this.#item(value[key], depth + 1)) return false
      missing -= 1
    }
    // An accessor may have removed what was to come.
    return missing === 0
  }

  #shapeOf(value: Readonly<Record<string, unknown>>): number {
    const shapes = this.#shapes
    for (let shape = 0; shape < shapes.length; shape += 1) {
      if (hasShape(value, shapes[shape] as readonly string[])) return shape
    }
    return -1
  }

  #newRecord(value: Readonly<Record<string, unknown>>, depth: number): boolean {
    const keys = keysOf(value)
    const shape = this.#shapes.length
    if (shape === MOST_SHAPES) return false
    this.#shapes.push(keys)
    this.#head(6, RECORD_DEFINITION_TAG)
    this.#head(4, keys.length + 2)
    this.#head(0, RECORD_TAG + shape)
    this.#head(4, keys.length)
    for (let index = 0; index < keys.length; index += 1) {
      const key = keys[index] as string
      // The codec renames the first when it reads, and uses the second in its own tables.
      if (key === '__proto__' || key === '__keys__' || !this.#text(key)) return false
    }
    for (let index = 0; index < keys.length; index += 1) {
      if (!this.#item(value[keys[index] as string], depth + 1)) return false
    }
    return true
  }

  #list(value: readonly unknown[], depth: number): boolean {
    const { length } = value
    // The only ways to see a property beside the elements; a list of all names, symbols included, costs twice as much.
    if (length > 0 && keysOf(value).length !== length) return false
    if (getOwnPropertySymbols(value).length !== 0) return false
    this.#head(4, length)
    for (let index = 0; index < length; index += 1) {
      const item = value[index]
      if (item === undefined && !hasOwn(value, index)) return false
      if (!this.#item(item, depth + 1)) return false
    }
    return true
  }

  #date(value: Date): boolean {
    const ms = value.getTime()
    // Seconds are written: far from now, milliseconds would be rounded.
    if (Math.abs(ms) > 2 ** 50 || !hasNoExtras(value)) return false
    this.#head(6, 1)
    const seconds = ms / 1_000
    if (ms % 1_000 !== 0 || seconds < 0 || seconds >= 2 ** 32) return this.#double(seconds)
    this.#room(5)
    this.#bytes[this.#at] = 0x1a
    this.#view.setUint32(this.#at + 1, seconds)
    this.#at += 5
    return true
  }

  #number(value: number): boolean {
    if (value >>> 0 === value) {
      if (value === 0 && 1 / value < 0) return false
      this.#head(0, value)
    } else if (value < 0 && value >= -(2 ** 32) && Math.floor(value) === value) {
      this.#head(1, -1 - value)
    } else return this.#double(value)
    return true
  }

  #double(value: number): boolean {
    this.#room(9)
    this.#bytes[this.#at] = 0xfb
    this.#view.setFloat64(this.#at + 1, value)
    this.#at += 9
    return true
  }

  #text(text: string): boolean {
    const { length } = text
    if (length >= SHORT_TEXT) return this.#longText(text)
    this.#room(2 + length)
    const bytes = this.#bytes
    let at = this.#at + (length < 24 ? 1 : 2)
    for (let index = 0; index < length; index += 1) {
      const unit = text.charCodeAt(index)
      if (unit > 127) return this.#longText(text)
      bytes[at] = unit
      at += 1
    }
    this.#head(3, length)
    this.#at = at
    return true
  }

  #longText(text: string): boolean {
    if (!isUtf8Safe(text)) return false
    const size = Buffer.byteLength(text)
    this.#head(3, size)
    this.#room(size)
    this.#buffer.write(text, this.#at)
    this.#at += size
    return true
  }

  #byte(byte: number): true {
    this.#room(1)
    this.#bytes[this.#at] = byte
    this.#at += 1
    return true
  }

  /** The kind of an item and its number or size, in as few bytes as can be. */
  #head(major: number, argument: number): void {
    this.#room(5)
    const bytes = this.#bytes
    const at = this.#at
    const kind = major << 5
    if (argument < 24) {
      bytes[at] = kind | argument
      this.#at = at + 1
    } else if (argument < 0x1_00) {
      bytes[at] = kind | 24
      bytes[at + 1] = argument
      this.#at = at + 2
    } else if (argument < 0x1_00_00) {
      bytes[at] = kind | 25
      bytes[at + 1] = argument >>> 8
      bytes[at + 2] = argument
      this.#at = at + 3
    } else {
      bytes[at] = kind | 26
      this.#view.setUint32(at + 1, argument)
      this.#at = at + 5
    }
  }

  #room(size: number): void {
    const needed = this.#at + size
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#use(larger)
  }

  #use(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes
    this.#buffer = Buffer.from(bytes.buffer)
    this.#view = new DataView(bytes.buffer)
  }
}

/** Whether these are the keys of an object, in this order; what it inherits counts as one too much. */
function hasShape(value: object, keys: readonly string[]): boolean {
  let index = 0
  for (const key in value) {
    if (keys[index] !== key) return false
    index += 1
  }
  return index === keys.length
}
