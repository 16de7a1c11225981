import { types } from 'node:util'
import { CacheError } from '@hitbox/core'
import { encodeFailed } from '../failure.ts'
import { instanceOf, isDirectInstance, isPlainObject } from '../instance-of.ts'
import { pathText, type Step } from '../path.ts'
import { isUtf8Safe } from '../text.ts'
import { hasNoExtras } from '../tree.ts'
import {
  AGGREGATE_ERROR,
  ERROR_CLASSES,
  type Graph,
  type GraphNode,
  Kind,
  type Slot,
  Special,
  VIEW_CLASSES,
} from './graph.ts'
import { Shapes } from './shapes.ts'

/**
 * Writes any value that can be kept as a {@link Graph}. Does not recurse, so depth is bounded by memory only.
 *
 * @param format - Name of the format, for the error.
 * @throws {@link CacheError} `ENCODE_FAILED`, with the path, when a part of the value cannot be kept.
 */
export function flatten(value: unknown, format: string): Graph {
  return new Flattening(format).run(value)
}

class Flattening {
  readonly #format: string
  readonly #indexes = new Map<object, number>()
  readonly #objects: object[] = []
  // Where each object was found first: the index of its parent, and the step from there.
  readonly #parents: number[] = []
  readonly #steps: Step[] = []
  readonly #shapes = new Shapes()
  #current = -1

  constructor(format: string) {
    this.#format = format
  }

  run(value: unknown): Graph {
    try {
      const root = this.#slot(value)
      const nodes: GraphNode[] = []
      for (let index = 0; index < this.#objects.length; index += 1) {
        this.#current = index
        nodes.push(this.#node(this.#objects[index] as object))
      }
      return [root, this.#shapes.list, nodes]
    } catch (error) {
      if (CacheError.is(error)) throw error
      throw this.#failure(undefined, 'what throws when it is read', error) // an accessor or a proxy
    }
  }

  #slot(value: unknown, step?: Step): Slot {
    switch (typeof value) {
      case 'string':
        return isUtf8Safe(value) ? value : [Special.utf16, utf16(value)]
      case 'number':
        return Object.is(value, -0) ? [Special.negativeZero, 0] : value
      case 'bigint':
        return [Special.bigint, value < 0n ? `-${(-value).toString(16)}` : value.toString(16)]
      case 'boolean':
      case 'undefined':
        return value
      case 'object':
        return value === null ? null : [this.#indexOf(value, step)]
      default:
        throw this.#failure(step, `a ${typeof value}`)
    }
  }

  #indexOf(value: object, step: Step | undefined): number {
    const known = this.#indexes.get(value)
    if (known !== undefined) return known
    const index = this.#objects.push(value) - 1
    this.#indexes.set(value, index)
    this.#parents.push(this.#current)
    this.#steps.push(step ?? '')
    return index
  }

  #node(value: object): GraphNode {
    if (Array.isArray(value)) return this.#array(this.#made(value, Array))
    if (Object.getPrototypeOf(value) === null) return this.#object(Kind.bareObject, value)
    if (isPlainObject(value)) return this.#object(Kind.object, value)
    if (types.isNativeError(value)) return this.#error(value)
    if (ArrayBuffer.isView(value)) return this.#view(value)
    const node = this.#builtIn(value)
    if (node === undefined) throw this.#failure(undefined, instanceOf(value))
    return node
  }

  #object(kind: number, value: object): GraphNode {
    this.#refuseSymbols(value)
    const node: GraphNode = [
      kind,
      this.#shapes.indexOf(Object.keys(value), (key) => this.#slot(key)),
    ]
    for (const [key, item] of Object.entries(value)) node.push(this.#slot(item, key))
    return node
  }

  #array(value: readonly unknown[]): GraphNode {
    this.#refuseSymbols(value)
    const { length } = value
    const keys = Object.keys(value)
    if (keys.length === length && (length === 0 || keys[length - 1] === String(length - 1))) {
      const node: GraphNode = [Kind.array]
      for (let index = 0; index < length; index += 1) node.push(this.#slot(value[index], index))
      return node
    }
    const node: GraphNode = [Kind.looseArray, length]
    for (const [key, item] of Object.entries(value)) {
      node.push(this.#slot(key), this.#slot(item, key))
    }
    return node
  }

  /** Everything whose data is not in its properties. */
  #builtIn(value: object): GraphNode | undefined {
    if (types.isDate(value)) return [Kind.date, this.#bare(value, Date).getTime()]
    if (types.isRegExp(value)) {
      const { source, flags, lastIndex } = this.#bare(value, RegExp)
      return [Kind.regexp, this.#slot(source), flags, lastIndex]
    }
    if (types.isMap(value)) return this.#map(this.#bare(value, Map))
    if (types.isSet(value)) {
      const node: GraphNode = [Kind.set]
      for (const item of this.#bare(value, Set)) {
        node.push(this.#slot(item, { step: `.item(${node.length - 1})` }))
      }
      return node
    }
    if (types.isArrayBuffer(value)) {
      return [Kind.binary, 'ArrayBuffer', Buffer.from(this.#bare(value, ArrayBuffer))]
    }
    if (types.isBoxedPrimitive(value)) return this.#boxed(value)
    if (Object.getPrototypeOf(value) === URL.prototype) {
      return [Kind.url, this.#bare(value as URL, URL).href]
    }
    return undefined
  }

  #map(value: ReadonlyMap<unknown, unknown>): GraphNode {
    const node: GraphNode = [Kind.map]
    for (const [key, item] of value) {
      const at = (node.length - 1) / 2
      node.push(
        this.#slot(key, { step: `.key(${at})` }),
        this.#slot(item, { step: `.value(${at})` }),
      )
    }
    return node
  }

  #boxed(value: object): GraphNode {
    const primitive: unknown = value.valueOf()
    const boxOf = {
      string: String,
      number: Number,
      boolean: Boolean,
      bigint: BigInt,
      symbol: Symbol,
    }
    const box = boxOf[typeof primitive as keyof typeof boxOf]
    this.#made(value, box)
    const ownKeys = typeof primitive === 'string' ? primitive.length : 0
    if (Object.keys(value).length !== ownKeys) throw this.#failure(undefined, EXTRAS)
    this.#refuseSymbols(value)
    return [Kind.boxed, this.#slot(primitive)]
  }

  #view(value: ArrayBufferView): GraphNode {
    // As a `Buffer`, which all codecs write as plain bytes, without the name of a class.
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    if (Object.getPrototypeOf(value) === Buffer.prototype) return [Kind.binary, 'Buffer', bytes]
    const name = types.isTypedArray(value) ? value[Symbol.toStringTag] : 'DataView'
    const viewClass = VIEW_CLASSES.get(name)
    if (viewClass === undefined) throw this.#failure(undefined, `a ${name}`)
    this.#made(value, viewClass)
    return [Kind.binary, name, bytes]
  }

  #error(value: Error): GraphNode {
    const prototype = Object.getPrototypeOf(value) as { readonly name?: unknown }
    const name = String(prototype.name)
    const errorClass = name === AGGREGATE_ERROR ? AggregateError : ERROR_CLASSES.get(name)
    if (errorClass === undefined) throw this.#failure(undefined, instanceOf(value))
    this.#made(value, errorClass)
    this.#refuseSymbols(value)
    const node: GraphNode = [Kind.error, name]
    for (const [key, { enumerable = false }] of Object.entries(
      Object.getOwnPropertyDescriptors(value),
    )) {
      if (!enumerable && !HIDDEN_IN_ERRORS.has(key)) continue
      node.push(this.#slot(key), enumerable, this.#slot((value as never)[key], key))
    }
    return node
  }

  #made<T extends object>(value: T, builtIn: { readonly prototype: unknown }): T {
    if (isDirectInstance(value, builtIn)) return value
    throw this.#failure(undefined, instanceOf(value))
  }

  #bare<T extends object>(value: T, builtIn: { readonly prototype: unknown }): T {
    if (!hasNoExtras(value)) throw this.#failure(undefined, EXTRAS)
    return this.#made(value, builtIn)
  }

  #refuseSymbols(value: object): void {
    for (const symbol of Object.getOwnPropertySymbols(value)) {
      const enumerable = Object.getOwnPropertyDescriptor(value, symbol)?.enumerable === true
      // These two make an object that is no plain one, such as `arguments` or a namespace.
      if (enumerable || symbol === Symbol.iterator || symbol === Symbol.toStringTag) {
        throw this.#failure(undefined, 'a property whose key is a symbol')
      }
    }
  }

  #failure(step: Step | undefined, reason: string, cause?: unknown): CacheError<'ENCODE_FAILED'> {
    const steps: Step[] = step === undefined ? [] : [step]
    for (let index = this.#current; index >= 0; index = this.#parents[index] as number) {
      if ((this.#parents[index] as number) >= 0) steps.push(this.#steps[index] as Step)
    }
    return encodeFailed(this.#format, pathText(steps), reason, cause)
  }
}

const EXTRAS = 'properties added to a built-in object'

/** Properties of errors that belong to the value although they are not enumerable. */
const HIDDEN_IN_ERRORS: ReadonlySet<string> = new Set([
  'name',
  'message',
  'stack',
  'cause',
  'errors',
])

function utf16(text: string): Buffer {
  const bytes = Buffer.alloc(text.length * 2)
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    bytes[index * 2] = unit & 0xff
    bytes[index * 2 + 1] = unit >> 8
  }
  return bytes
}
