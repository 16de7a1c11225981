import { types } from 'node:util'
import { CacheError } from '@hitbox/core'

/**
 * Freezes a value with all it holds, so that sharing it is safe. It is the caller's own object that is frozen, not a copy.
 * Either everything is frozen or nothing is.
 *
 * @throws {@link CacheError} `ENCODE_FAILED` when it holds something whose contents freezing does not protect, such as a Date,
 * a Map or a typed array.
 */
export function deepFreeze(value: unknown): void {
  if (!isObject(value)) return
  const found = new Map<object, string>([[value, '']])
  for (const [object, path] of found) {
    const problem = unprotected(object)
    if (problem !== undefined) throw cannotFreeze(problem, path)
    for (const name of Reflect.ownKeys(object)) {
      const inner: unknown = Reflect.getOwnPropertyDescriptor(object, name)?.value
      if (isObject(inner) && !found.has(inner)) found.set(inner, `${path}.${String(name)}`)
    }
  }
  for (const object of found.keys()) Object.freeze(object)
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** What the object is called when freezing would leave its contents as changeable as before. */
function unprotected(object: object): string | undefined {
  if (typeof object === 'function') return 'a function'
  if (types.isDate(object)) return 'a Date'
  if (types.isMap(object) || types.isWeakMap(object)) return 'a Map'
  if (types.isSet(object) || types.isWeakSet(object)) return 'a Set'
  if (types.isAnyArrayBuffer(object) || ArrayBuffer.isView(object)) return 'a buffer'
  if (types.isRegExp(object)) return 'a RegExp'
  if (types.isPromise(object)) return 'a Promise'
  return types.isProxy(object) ? 'a Proxy' : undefined
}

function cannotFreeze(what: string, path: string): CacheError<'ENCODE_FAILED'> {
  const message = `values: 'frozen' cannot protect ${what}; keep such values 'encoded', or 'shared' when readers change nothing`
  return new CacheError('ENCODE_FAILED', message, {
    details: { format: 'frozen', path: path === '' ? undefined : path.slice(1) },
  })
}
