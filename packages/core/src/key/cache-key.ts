import { CacheError } from '../errors.ts'
import { wholeNumber } from '../options.ts'
import { escapeSegment, unescapeSegment } from './escape.ts'

/** A name, and a value or `null` for none; `null` differs from `''`. */
export type KeyPart = readonly [name: string, value: string | null]

/**
 * The identity of an entry: a namespace, its version, and ordered parts. Two keys are the same key exactly when
 * their {@link CacheKey.text} is the same. Make one with {@link cacheKey}.
 */
export interface CacheKey {
  readonly prefix: string
  /** Whole number, 0 for none. Raise it when the meaning or shape of the values changes. */
  readonly version: number
  readonly parts: readonly KeyPart[]
  /** Canonical form, for example `user:v2:id=42&lang=de`. */
  readonly text: string
}

/** What a tuple key is made of, after its first element. Kinds are told apart: `42` is not `'42'`, `null` not `'null'`. */
export type KeyAtom = string | number | bigint | boolean | null | undefined

/** A key in short: a prefix and what tells its entries apart, for example `['user', 42]`. */
export type KeyTuple = readonly [prefix: string, ...atoms: KeyAtom[]]

/** What every call takes as a key. A plain string is the text of a key, taken as it is. */
export type KeyInput = string | KeyTuple | CacheKey

/**
 * Makes a key from its parts.
 *
 * @example
 * ```ts
 * import { cacheKey } from '@hitbox/core'
 *
 * const key = cacheKey({ prefix: 'user', version: 2, parts: [['id', '42'], ['lang', 'de']] })
 * console.log(key.text) // user:v2:id=42&lang=de
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when `version` is not a whole number of 0 or more;
 * `INVALID_KEY` when the key would be empty or a part is not a pair of strings.
 */
export function cacheKey(key: {
  readonly prefix?: string | undefined
  readonly version?: number | undefined
  readonly parts?: readonly KeyPart[] | undefined
}): CacheKey {
  const { prefix = '', version = 0, parts = [] } = key
  wholeNumber('version', version, { min: 0 })
  if (typeof prefix !== 'string') throw invalidKey('its prefix is not a string')
  const own = parts.map(([name, value]): KeyPart => {
    if (typeof name === 'string' && (value === null || typeof value === 'string')) {
      return Object.freeze([name, value] as const)
    }
    throw invalidKey('a part is not [string, string or null]')
  })
  const text = textOf(prefix, version, own)
  if (text === '') throw invalidKey('it is empty')
  return Object.freeze({ prefix, version, parts: Object.freeze(own), text })
}

/**
 * The text of a key in any of its forms. Injective per form; a string costs nothing.
 *
 * @throws {@link CacheError} `INVALID_KEY` when the key is empty or none of the forms.
 */
export function keyText(key: KeyInput): string {
  // Small, so that it becomes a part of who calls it: a hit asks more than once.
  return typeof key === 'string' && key !== '' ? key : otherText(key)
}

function otherText(key: KeyInput): string {
  if (key === '') throw invalidKey('it is empty')
  if (Array.isArray(key)) return tupleText(key as unknown as KeyTuple)
  const text: unknown = (key as CacheKey | undefined | null)?.text
  if (typeof text === 'string' && text !== '') return text
  throw invalidKey('it is neither a string, a tuple nor made by cacheKey()')
}

/** The parts behind a canonical text, or `undefined` when {@link cacheKey} would not have written that text. */
export function parseKeyText(text: string): CacheKey | undefined {
  const head = /^(?:([^:=&]+):)?(?:v([1-9]\d{0,15}):)?([^:]*)$/.exec(text)
  if (head === null) return undefined
  let [, prefix = '', version = '0', tail = ''] = head
  if (/^v[1-9]\d*$/.test(prefix) && head[2] === undefined) {
    version = prefix.slice(1)
    prefix = ''
  }
  if (!Number.isSafeInteger(Number(version))) return undefined
  const parts = tail === '' ? [] : tail.split('&').map(parsePart)
  const key = cacheKeyOrNothing(unescapeSegment(prefix), Number(version), parts)
  return key?.text === text ? key : undefined
}

function cacheKeyOrNothing(
  prefix: string,
  version: number,
  parts: KeyPart[],
): CacheKey | undefined {
  return prefix === '' && version === 0 && parts.length === 0
    ? undefined
    : cacheKey({ prefix, version, parts })
}

/** Stands for an empty name, which would otherwise be no part at all; not an escape that {@link escapeSegment} writes. */
const EMPTY_NAME = '%e'

function textOf(prefix: string, version: number, parts: readonly KeyPart[]): string {
  let text = ''
  // A prefix that reads like a version gives its first letter away, or it would be one.
  if (prefix !== '') text = `${escapeSegment(prefix).replace(/^v(?=\d+$)/, '%76')}:`
  if (version !== 0) text += `v${version}:`
  for (let index = 0; index < parts.length; index += 1) {
    const [name, value] = parts[index] as KeyPart
    if (index > 0) text += '&'
    text += name === '' ? EMPTY_NAME : escapeSegment(name)
    if (value !== null) text += `=${escapeSegment(value)}`
  }
  return text
}

function parsePart(part: string): KeyPart {
  const split = part.indexOf('=')
  const name = split === -1 ? part : part.slice(0, split)
  const value = split === -1 ? null : unescapeSegment(part.slice(split + 1))
  return [name === EMPTY_NAME ? '' : unescapeSegment(name), value]
}

/** Strings that would read as another kind of atom, or as a marked string, wear an apostrophe. */
const READS_AS_OTHER =
  /^(?:'.*|-?\d+(?:\.\d+)?(?:e[+-]\d+)?n?|-?Infinity|NaN|true|false|null|undefined|)$/s

function tupleText(key: KeyTuple): string {
  const prefix: unknown = key[0]
  if (typeof prefix !== 'string' || prefix === '') {
    throw invalidKey('a tuple begins with a prefix, a string that is not empty')
  }
  return textOf(
    prefix,
    0,
    key.slice(1).map((atom): KeyPart => [atomText(atom), null]),
  )
}

function atomText(atom: unknown): string {
  switch (typeof atom) {
    case 'string':
      return READS_AS_OTHER.test(atom) ? `'${atom}` : atom
    case 'bigint':
      return `${atom}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(atom)
    default:
      if (atom === null) return 'null'
      throw invalidKey('a tuple holds strings, numbers, bigints, booleans, null and undefined only')
  }
}

function invalidKey(reason: string): CacheError<'INVALID_KEY'> {
  return new CacheError('INVALID_KEY', `this key cannot be used: ${reason}`, {
    details: { reason },
  })
}
