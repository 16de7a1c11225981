/**
 * A value of any shape, written flat: every object is one node, and what a node holds refers to others by index.
 * Made of arrays, strings, numbers and binary data only, so every codec carries it, and nothing of it nests deeper than three.
 *
 * A slot is a primitive as it is, or `[index]` for the node with that index, or `[Special, …]` for a primitive that codecs
 * do not keep. A shape is the list of keys that many objects share. These numbers are stored: never reuse one.
 */
export type Graph = [root: Slot, shapes: Slot[][], nodes: GraphNode[]]

export type Slot =
  | string
  | number
  | boolean
  | null
  | undefined
  | [index: number]
  | [special: number, payload: unknown]

export type GraphNode = [kind: number, ...rest: unknown[]]

/** First of two in a slot. */
export const Special = {
  negativeZero: 0,
  /** Followed by the number in hexadecimal. */
  bigint: 1,
  /** Followed by UTF-16 code units, two bytes each, low byte first: for text that UTF-8 cannot give back. */
  utf16: 2,
} as const

/** First in a node, with what follows it. */
export const Kind = {
  /** index of the shape, slots of the values */
  object: 0,
  /** the same, without a prototype */
  bareObject: 1,
  /** slots */
  array: 2,
  /** length, then pairs of key and slot: an array with holes or properties of its own */
  looseArray: 3,
  /** slots of keys and values in turn */
  map: 4,
  /** slots */
  set: 5,
  /** milliseconds, or NaN */
  date: 6,
  /** slot of the source, flags, lastIndex */
  regexp: 7,
  /** name of the class, then triples of key, enumerable, slot */
  error: 8,
  /** slot of the primitive inside */
  boxed: 9,
  /** name of the class, bytes */
  binary: 10,
  /** its text */
  url: 11,
} as const

/** Classes of errors that come back as what they were, by name; and `AggregateError`, which is made differently. */
export const ERROR_CLASSES: ReadonlyMap<string, ErrorConstructor> = new Map([
  ['Error', Error],
  ['EvalError', EvalError],
  ['RangeError', RangeError],
  ['ReferenceError', ReferenceError],
  ['SyntaxError', SyntaxError],
  ['TypeError', TypeError],
  ['URIError', URIError],
])

export const AGGREGATE_ERROR = 'AggregateError'

/** Constructors of views that come back as what they were, by name. */
export const VIEW_CLASSES: ReadonlyMap<string, ViewClass> = new Map<string, ViewClass>([
  ['Int8Array', Int8Array],
  ['Uint8Array', Uint8Array],
  ['Uint8ClampedArray', Uint8ClampedArray],
  ['Int16Array', Int16Array],
  ['Uint16Array', Uint16Array],
  ['Int32Array', Int32Array],
  ['Uint32Array', Uint32Array],
  ['Float32Array', Float32Array],
  ['Float64Array', Float64Array],
  ['BigInt64Array', BigInt64Array],
  ['BigUint64Array', BigUint64Array],
  ['DataView', DataView],
])

type ViewClass = new (buffer: ArrayBuffer) => ArrayBufferView
