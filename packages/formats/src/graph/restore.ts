import {
  AGGREGATE_ERROR,
  ERROR_CLASSES,
  type GraphNode,
  Kind,
  Special,
  VIEW_CLASSES,
} from './graph.ts'

/**
 * Builds the value that a graph describes. Binary data is copied out of the graph.
 *
 * @throws anything, on what `flatten` did not make.
 */
export function restore(graph: unknown): unknown {
  const [root, shapes, nodes] = list(graph)
  return new Restoring(list(shapes), list(nodes)).run(root)
}

class Restoring {
  readonly #shapes: (readonly string[] | undefined)[]
  readonly #rawShapes: readonly unknown[]
  readonly #nodes: readonly unknown[]
  readonly #objects: object[] = []

  constructor(shapes: readonly unknown[], nodes: readonly unknown[]) {
    this.#rawShapes = shapes
    this.#shapes = []
    this.#nodes = nodes
  }

  run(root: unknown): unknown {
    // All objects first, empty where they hold others; then what they hold. So cycles need no special case.
    for (const node of this.#nodes) this.#objects.push(this.#empty(list(node)))
    for (let index = 0; index < this.#objects.length; index += 1) {
      this.#fill(this.#objects[index] as object, this.#nodes[index] as GraphNode)
    }
    return this.#value(root)
  }

  #empty(node: readonly unknown[]): object {
    switch (node[0]) {
      case Kind.object:
        return {}
      case Kind.bareObject:
        return Object.create(null) as object
      case Kind.array:
      case Kind.looseArray:
        return []
      case Kind.map:
        return new Map()
      case Kind.set:
        return new Set()
      case Kind.date:
        return new Date(number(node[1]))
      case Kind.regexp: {
        const regexp = new RegExp(text(this.#value(node[1])), text(node[2]))
        regexp.lastIndex = number(node[3])
        return regexp
      }
      case Kind.error:
        return emptyError(text(node[1]))
      case Kind.boxed:
        return Object(this.#primitive(node[1])) as object
      case Kind.binary:
        return binary(text(node[1]), bytes(node[2]))
      case Kind.url:
        return new URL(text(node[1]))
      default:
        throw new TypeError('unknown kind of node')
    }
  }

  #fill(object: object, node: GraphNode): void {
    switch (node[0]) {
      case Kind.object:
      case Kind.bareObject:
        return this.#fillObject(object, node)
      case Kind.array:
        for (let at = 1; at < node.length; at += 1)
          (object as unknown[]).push(this.#value(node[at]))
        return
      case Kind.looseArray:
        ;(object as unknown[]).length = number(node[1])
        for (let at = 2; at < node.length; at += 2) {
          define(object, text(this.#value(node[at])), this.#value(node[at + 1]), true)
        }
        return
      case Kind.map:
        for (let at = 1; at < node.length; at += 2) {
          ;(object as Map<unknown, unknown>).set(this.#value(node[at]), this.#value(node[at + 1]))
        }
        return
      case Kind.set:
        for (let at = 1; at < node.length; at += 1)
          (object as Set<unknown>).add(this.#value(node[at]))
        return
      case Kind.error:
        for (let at = 2; at < node.length; at += 3) {
          const key = text(this.#value(node[at]))
          define(object, key, this.#value(node[at + 2]), node[at + 1] === true)
        }
        return
      default: // whole already
    }
  }

  #fillObject(object: object, node: GraphNode): void {
    const keys = this.#shape(node[1])
    if (keys.length !== node.length - 2) throw new TypeError('a node does not fit its shape')
    for (let at = 0; at < keys.length; at += 1) {
      const key = keys[at] as string
      const value = this.#value(node[at + 2])
      // Plain assignment would set the prototype.
      if (key === '__proto__') define(object, key, value, true)
      else (object as Record<string, unknown>)[key] = value
    }
  }

  #shape(index: unknown): readonly string[] {
    const at = number(index)
    return (this.#shapes[at] ??= list(this.#rawShapes[at]).map((slot) => text(this.#value(slot))))
  }

  #value(slot: unknown): unknown {
    if (typeof slot !== 'object' || slot === null) return slot
    if (!Array.isArray(slot)) throw new TypeError('a slot holds an object')
    if (slot.length !== 1) return this.#primitive(slot)
    const object = this.#objects[number(slot[0])]
    if (object === undefined) throw new TypeError('a slot refers to nothing')
    return object
  }

  #primitive(slot: unknown): unknown {
    if (typeof slot !== 'object' || slot === null) return slot
    const [special, payload] = list(slot)
    switch (special) {
      case Special.negativeZero:
        return -0
      case Special.bigint:
        return bigint(text(payload))
      case Special.utf16:
        return utf16(bytes(payload))
      default:
        throw new TypeError('unknown kind of slot')
    }
  }
}

function emptyError(name: string): Error {
  const errorClass = ERROR_CLASSES.get(name)
  if (errorClass === undefined && name !== AGGREGATE_ERROR) {
    throw new TypeError('unknown class of error')
  }
  const error = errorClass === undefined ? new AggregateError([]) : new errorClass()
  for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key)
  return error
}

function binary(name: string, data: Uint8Array): object {
  if (name === 'Buffer') {
    const own = new Uint8Array(data)
    return Buffer.from(own.buffer, 0, own.length)
  }
  const { buffer } = new Uint8Array(data)
  if (name === 'ArrayBuffer') return buffer
  const viewClass = VIEW_CLASSES.get(name)
  if (viewClass === undefined) throw new TypeError('unknown class of binary data')
  return new viewClass(buffer)
}

function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true })
}

function bigint(digits: string): bigint {
  return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`)
}

function utf16(data: Uint8Array): string {
  let result = ''
  for (let at = 0; at + 1 < data.length; at += 2) {
    result += String.fromCharCode((data[at] as number) | ((data[at + 1] as number) << 8))
  }
  return result
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('a list is missing')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('a number is missing')
  return value
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a text is missing')
  return value
}

function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError('binary data is missing')
  return value
}
