import { isUtf8Safe } from './text.ts'

/** What a codec by itself gives back equal, besides plain objects, arrays and primitives. */
export interface CodecReach {
  /** Whether it keeps maps and sets. */
  readonly collections: boolean
  /** Whether it keeps this object, which is no plain object, array, map or set. */
  isLeaf(value: object): boolean
}

/** Deeper values go the way of graphs, which does not recurse; this keeps codecs that do far from the end of the stack. */
export const MAX_TREE_DEPTH = 200

const { getPrototypeOf, getOwnPropertySymbols, keys: keysOf } = Object
const objectPrototype = Object.prototype
const arrayPrototype = Array.prototype
const mapPrototype = Map.prototype
const setPrototype = Set.prototype

/**
 * Whether a codec for plain data can take the value as it is: a tree (no object twice) of plain objects, dense arrays,
 * maps, sets, primitives that every binary codec keeps, and leaves. Inspects only; it runs before every encoding.
 */
export function isTree(value: unknown, reach: CodecReach): boolean {
  if (typeof value !== 'object' || value === null) return isPlainPrimitive(value)
  try {
    return isBranch(value, reach, new Set(), 0)
  } catch {
    return false // an accessor or a proxy threw; flattening tells where
  }
}

function isPlainPrimitive(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
      return isUtf8Safe(value)
    case 'number':
      return value !== 0 || 1 / value > 0
    case 'bigint':
      return -SAFE <= value && value <= SAFE
    case 'boolean':
    case 'undefined':
      return true
    default:
      return value === null
  }
}

// All codecs hold 64 bits; what is longer would be read in quadratic time.
const SAFE = 2n ** 63n - 1n

function isBranch(value: object, reach: CodecReach, seen: Set<object>, depth: number): boolean {
  if (depth > MAX_TREE_DEPTH) return false
  const before = seen.size
  if (seen.add(value).size === before) return false
  const prototype: unknown = getPrototypeOf(value)
  if (prototype === objectPrototype) {
    if (getOwnPropertySymbols(value).length !== 0) return false
    return isObject(value as Record<string, unknown>, reach, seen, depth)
  }
  if (prototype === arrayPrototype && Array.isArray(value)) {
    return isDense(value, reach, seen, depth)
  }
  if (prototype === mapPrototype || prototype === setPrototype) {
    return (
      reach.collections &&
      hasNoExtras(value) &&
      isCollection(value as Set<unknown>, reach, seen, depth)
    )
  }
  return reach.isLeaf(value)
}

function isObject(
  value: Readonly<Record<string, unknown>>,
  reach: CodecReach,
  seen: Set<object>,
  depth: number,
): boolean {
  // Twice as fast as a list of keys. What a patched `Object.prototype` adds is looked at too, which harms nothing.
  for (const key in value) {
    // Codecs rename `__proto__`; cbor-x uses `__keys__` in its own tables.
    if (key === '__proto__' || key === '__keys__' || !isUtf8Safe(key)) return false
    const item = value[key]
    if (typeof item === 'object' && item !== null) {
      if (!isBranch(item, reach, seen, depth + 1)) return false
    } else if (!isPlainPrimitive(item)) return false
  }
  return true
}

function isDense(
  value: readonly unknown[],
  reach: CodecReach,
  seen: Set<object>,
  depth: number,
): boolean {
  const { length } = value
  // Costs as much as the rest of this function, and is the only way to see a property beside the elements.
  if (length > 0 && keysOf(value).length !== length) return false
  for (let index = 0; index < length; index += 1) {
    const item = value[index]
    if (typeof item === 'object' && item !== null) {
      if (!isBranch(item, reach, seen, depth + 1)) return false
    } else if (!isPlainPrimitive(item)) return false
    else if (item === undefined && !Object.hasOwn(value, index)) return false
  }
  return getOwnPropertySymbols(value).length === 0
}

function isCollection(
  value: Set<unknown> | Map<unknown, unknown>,
  reach: CodecReach,
  seen: Set<object>,
  depth: number,
): boolean {
  for (const entry of value) {
    // An entry of a map is an array of key and value.
    if (typeof entry === 'object' && entry !== null) {
      if (!isBranch(entry, reach, seen, depth + 1)) return false
    } else if (!isPlainPrimitive(entry)) return false
  }
  return true
}

/** Whether nothing was added to an object whose data is not in its properties. */
export function hasNoExtras(value: object): boolean {
  // No list of keys is made, where there are none.
  for (const key in value) if (Object.hasOwn(value, key)) return false
  return getOwnPropertySymbols(value).length === 0
}
