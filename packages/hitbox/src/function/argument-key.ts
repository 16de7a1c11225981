import { CacheError, cacheKey, type KeyAtom, type KeyPart, keyText } from '@hitbox/core'

/** Makes {@link argumentKey} for one function, quick where the arguments are few and simple. */
export function argumentKeys(name: string, version = 0): (args: readonly unknown[]) => string {
  const prefix = cacheKey({ prefix: name, version }).text
  return (args) => {
    if (args.length !== 1) return argumentKey(name, args, version)
    const [arg] = args
    if (Number.isSafeInteger(arg)) return prefix + String(arg)
    if (typeof arg === 'string' && PLAIN_WORD.test(arg)) return prefix + arg
    return argumentKey(name, args, version)
  }
}

/** A text that stands for itself in a key: nothing to escape, and it reads as no other kind. */
const PLAIN_WORD = /^(?!(?:true|false|null|undefined|NaN|Infinity)$)[A-Za-z_][\w-]*$/

/**
 * The key of a function's call: injective, and the same for arguments that mean the same. With plain arguments it is the key of
 * the tuple `[name, ...args]`, so that `['user', 42]` names the call `user(42)` everywhere.
 *
 * @throws {@link CacheError} `INVALID_KEY` when an argument has no canonical form.
 */
export function argumentKey(name: string, args: readonly unknown[], version = 0): string {
  if (version === 0 && args.every(isAtom)) return keyText([name, ...args])
  const parts = args.map((arg): KeyPart => {
    // The text of an atom stands alone, as in a tuple; that of anything else has an empty value, so the two never meet.
    if (!isAtom(arg)) return [canonical(arg, []), '']
    return [keyText(['a', arg]).slice(2), null]
  })
  return cacheKey({ prefix: name, version, parts }).text
}

function isAtom(value: unknown): value is KeyAtom {
  return (
    value === null ||
    (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
  )
}

function canonical(value: unknown, within: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'object':
      return value === null ? 'null' : structure(value, within)
    default:
      throw noKey(`a ${typeof value}`)
  }
}

function structure(value: object, within: readonly object[]): string {
  if (within.includes(value)) throw noKey('an object that contains itself')
  const inside = [...within, value]
  const text = (inner: unknown): string => canonical(inner, inside)
  if (Array.isArray(value)) return `[${Array.from(value, text).join(',')}]`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (value instanceof Uint8Array) return `Bytes(${Array.from(value, hex).join('')})`
  if (value instanceof Set) return `Set(${Array.from(value, text).toSorted().join(',')})`
  if (value instanceof Map) {
    const pairs = Array.from(value, ([key, inner]) => `${text(key)}:${text(inner)}`)
    return `Map(${pairs.toSorted().join(',')})`
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw noKey('an instance of a class')
  if (Object.getOwnPropertySymbols(value).length > 0) throw noKey('an object with symbols')
  const names = Object.keys(value).toSorted()
  const of = value as Readonly<Record<string, unknown>>
  return `{${names.map((name) => `${JSON.stringify(name)}:${text(of[name])}`).join(',')}}`
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function noKey(what: string): CacheError<'INVALID_KEY'> {
  const reason = `${what} among the arguments has no canonical form; say with the option "key" what tells calls apart`
  return new CacheError('INVALID_KEY', `this key cannot be used: ${reason}`, {
    details: { reason },
  })
}
