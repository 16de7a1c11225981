import { CacheError, cacheKey, invalidOption, type KeyInput, keyText } from '@hitbox/core'

/** Stands between a namespace and the key within it. No key that is a tuple or made by `cacheKey` has two colons in a row. */
const BETWEEN = '::'

/** One namespace: the keys within it, and the names of the versions that all its entries carry. */
export class Keyspace {
  /** What the text of every key in it begins with. */
  readonly prefix: string
  /** Its own name and those of the namespaces around it, the outermost first: the name is what an entry's version is kept under. */
  readonly names: readonly string[]
  /** The outermost namespace, as it stands in keys of the cache's own. */
  readonly root: string

  private constructor(prefix: string, names: readonly string[], root: string) {
    this.prefix = prefix
    this.names = names
    this.root = root
  }

  static root(namespace: string, version: number): Keyspace {
    return new Keyspace(prefixOf(namespace, version), [NAMESPACE], escaped(namespace))
  }

  within(namespace: string, version: number): Keyspace {
    const around = this.names.at(-1) as string
    const own =
      around === NAMESPACE ? NAMESPACE + escaped(namespace) : around + BETWEEN + escaped(namespace)
    return new Keyspace(this.prefix + prefixOf(namespace, version), [...this.names, own], this.root)
  }

  /**
   * The text of a key of this namespace.
   *
   * @throws {@link CacheError} `INVALID_KEY` when it is none.
   */
  text(key: KeyInput): string {
    const text = keyText(key)
    if (this.prefix !== '') return this.prefix + text
    return text.charCodeAt(0) === COLON ? unreserved(text) : text
  }
}

/** @throws {@link CacheError} `INVALID_OPTION` when it is no name. */
export function toNamespace(name: unknown): string {
  if (typeof name === 'string' && name !== '') return name
  throw invalidOption('namespace', 'a text that is not empty', name)
}

const COLON = BETWEEN.charCodeAt(0)
const NAMESPACE = '@'
const TAG = '+'

/** Counts invalidations by tag, as a version like any other: changed before any of them. */
export const CLOCK = '!'

/** What the version of a tag is kept under in entries. */
export function tagName(tag: string): string {
  return TAG + tag
}

/** The reverse of {@link tagName}; `undefined` for names of another kind. */
export function tagOf(name: string): string | undefined {
  return isTag(name) ? name.slice(TAG.length) : undefined
}

export function isTag(name: string): boolean {
  return name.startsWith(TAG)
}

export function isNamespace(name: string): boolean {
  return name.startsWith(NAMESPACE)
}

/** The key in the tiers of a version: one that no key of the cache's user can have. */
export function versionKey(root: string, name: string): string {
  return `${BETWEEN}${root}:${name}`
}

/** The reverse of {@link versionKey}; `undefined` for other keys, and those of other caches. */
export function versionNameOf(root: string, text: string): string | undefined {
  const head = versionKey(root, '')
  return text.startsWith(head) ? text.slice(head.length) : undefined
}

function prefixOf(namespace: string, version: number): string {
  if (namespace === '' && version === 0) return ''
  return `${cacheKey({ prefix: namespace, version }).text}:`
}

function escaped(namespace: string): string {
  return namespace === '' ? '' : cacheKey({ prefix: namespace }).text.slice(0, -1)
}

function unreserved(text: string): string {
  if (text.charCodeAt(1) !== COLON) return text
  const reason = 'a text that begins with "::" is kept for the cache itself'
  throw new CacheError('INVALID_KEY', `this key cannot be used: ${reason}`, {
    details: { reason },
  })
}
