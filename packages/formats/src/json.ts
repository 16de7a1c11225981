import type { Format } from '@hitbox/core'
import { decoding, encodeFailed } from './failure.ts'
import { flatten } from './graph/flatten.ts'
import { instanceOf, isDirectInstance, isPlainObject } from './instance-of.ts'
import { pathText, type Step } from './path.ts'

const ID = 'json'
const MAX_DEPTH = 2_000
/** Objects met again. Each is written again, so a few shared ones within each other could become gigabytes. */
const MAX_REPEATS = 1_000_000

/**
 * JSON text in UTF-8, for readers in other languages and for eyes.
 *
 * Refuses what JSON would change, such as dates, maps and `NaN`, instead of changing it. Two conversions remain: a property that
 * holds `undefined` is left out, and an object that is in the value twice becomes two objects.
 */
export const json: Format = Object.freeze({
  id: ID,
  encode: (value: unknown): Uint8Array => {
    const text = stringify(value)
    return new TextEncoder().encode(text)
  },
  decode: (bytes: Uint8Array): unknown =>
    decoding(ID, (): unknown =>
      JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)),
    ),
})

function stringify(value: unknown): string {
  const steps: Step[] = []
  let reason: string | undefined
  try {
    reason = new Check(steps).run(value)
    if (reason === undefined) return JSON.stringify(value)
  } catch (cause) {
    flatten(value, ID) // throws too, and knows where
    throw encodeFailed(ID, '$', 'what throws when it is read', cause)
  }
  throw encodeFailed(ID, pathText(steps), reason)
}

/** Looks for what does not come back equal. Tells why, and the steps to it from the inside out. */
class Check {
  readonly #steps: Step[]
  readonly #open: object[] = []
  readonly #seen = new Set<object>()
  #repeats = 0

  constructor(steps: Step[]) {
    this.#steps = steps
  }

  run(value: unknown): string | undefined {
    if (value === undefined) return 'undefined'
    return typeof value === 'object' && value !== null ? this.#object(value) : primitive(value)
  }

  // One frame of the stack for each level of the value.
  #object(value: object): string | undefined {
    const refusal = this.#enter(value)
    if (refusal !== undefined) return refusal
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index += 1) {
        const item: unknown = value[index]
        const reason =
          typeof item === 'object' && item !== null ? this.#object(item) : element(item)
        if (reason !== undefined) return this.#at(index, reason)
      }
    } else {
      for (const key in value) {
        const item = (value as Readonly<Record<string, unknown>>)[key]
        const reason =
          typeof item === 'object' && item !== null ? this.#object(item) : primitive(item)
        if (reason !== undefined) return this.#at(key, reason)
      }
    }
    this.#open.pop()
    return undefined
  }

  #enter(value: object): string | undefined {
    if (this.#open.length > MAX_DEPTH) return `a value deeper than ${MAX_DEPTH} levels`
    const before = this.#seen.size
    if (this.#seen.add(value).size === before) {
      if (this.#open.includes(value)) return 'a cycle'
      this.#repeats += 1
      if (this.#repeats > MAX_REPEATS) return 'so many copies of shared objects'
    }
    this.#open.push(value)
    if (Object.getOwnPropertySymbols(value).length > 0) return 'a property whose key is a symbol'
    if (!Array.isArray(value)) return isPlainObject(value) ? undefined : instanceOf(value)
    if (!isDirectInstance(value, Array)) return instanceOf(value)
    const isDense = value.length === 0 || Object.keys(value).length === value.length
    return isDense ? undefined : 'an array with holes or properties'
  }

  #at(step: Step, reason: string): string {
    this.#steps.push(step)
    return reason
  }
}

function element(value: unknown): string | undefined {
  return value === undefined ? 'undefined in an array' : primitive(value)
}

function primitive(value: unknown): string | undefined {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) return 'a number that is not finite'
      return Object.is(value, -0) ? 'the number -0' : undefined
    case 'bigint':
    case 'function':
    case 'symbol':
      return `a ${typeof value}`
    default:
      return undefined
  }
}
