import { invalidOption, knownOptions, wholeNumber } from '@hitbox/core'
import type { Cache, Namespace } from '../cache.ts'
import { type CacheOptions, createCache } from '../create-cache.ts'
import type { KeyedSource } from '../function/keyed.ts'
import type { Receipt } from '../fresh.ts'
import { POLICY_OPTIONS } from '../policy.ts'
import type { Definition, EntriesOf, Fits, TagOf } from './definition.ts'
import { entriesOf } from './entries.ts'

/** What {@link defineCache} makes: the calls of each definition under its name, and what concerns them all. */
export type DefinedCache<Definitions> = {
  readonly [Name in keyof Definitions]: EntriesOf<Definitions[Name]>
} & DefinedWhole<TagOf<Definitions[keyof Definitions]>>

/** What concerns all definitions of a {@link DefinedCache}. */
export interface DefinedWhole<Tag extends string> extends AsyncDisposable {
  /** The cache that they are kept in. */
  readonly cache: Namespace
  /** {@link Namespace.invalidateTags} for tags that the definitions have. */
  invalidateTags(...tags: readonly (Tag | readonly Tag[])[]): Promise<Receipt>
  /** Closes the cache if it was made here; one that was passed in stays open. */
  close(): Promise<void>
}

const RESERVED: readonly string[] = ['cache', 'invalidateTags', 'close', 'then']
const NAMES: readonly string[] = [...POLICY_OPTIONS, 'load', 'loadMany', 'key', 'version']

/**
 * Defines the kinds of values of a cache in one place: names, inputs, values and tags are then known to the compiler everywhere.
 *
 * @param over - The cache or namespace to keep them in, or options for one of their own.
 * @example
 * ```ts
 * import { defineCache } from 'hitbox'
 *
 * declare const db: { user(id: number, signal: AbortSignal): Promise<{ name: string; org: number }> }
 *
 * const app = defineCache(
 *   {
 *     user: {
 *       ttl: '10m',
 *       tags: (id: number) => [`user:${id}`, 'users'] as const,
 *       load: (id: number, { signal }) => db.user(id, signal),
 *     },
 *   },
 *   { staleIfError: '1h' },
 * )
 * const { name } = await app.user(42)
 * await app.user.delete(42)
 * await app.invalidateTags('user:42', 'users')
 * await app.close()
 * console.log(name)
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when a name is taken or an option cannot be used.
 */
export function defineCache<const Definitions extends Readonly<Record<string, Definition>>>(
  definitions: Definitions & {
    readonly [Name in keyof Definitions]: Fits<Definitions[Name]>
  },
  over: Namespace | CacheOptions = {},
): DefinedCache<Definitions> {
  if (typeof definitions !== 'object' || definitions === null) {
    throw invalidOption('definitions', 'an object of definitions by name', definitions)
  }
  for (const [name, definition] of Object.entries(definitions)) checkDefinition(name, definition)
  const own = isCache(over) ? undefined : createCache(over)
  const cache = own ?? (over as Namespace)
  const close = async (): Promise<void> => own?.close()
  const whole: DefinedWhole<string> = {
    cache,
    invalidateTags: (...tags) => cache.invalidateTags(...tags),
    close,
    [Symbol.asyncDispose]: close,
  }
  const all = Object.entries(definitions as Readonly<Record<string, Definition>>).map(
    ([name, definition]) => [name, entriesOf(name, definition, cache as Namespace & KeyedSource)],
  )
  return Object.freeze(Object.assign(Object.fromEntries(all), whole)) as DefinedCache<Definitions>
}

function isCache(over: Namespace | CacheOptions): over is Namespace {
  return typeof (over as Partial<Cache & KeyedSource> | null)?.keyed === 'function'
}

function checkDefinition(name: string, definition: Definition): void {
  if (name === '' || RESERVED.includes(name)) {
    throw invalidOption('definitions', `named otherwise than ${RESERVED.join(', ')}`, name)
  }
  if (typeof definition !== 'object' || definition === null) {
    throw invalidOption(name, 'a definition', definition)
  }
  knownOptions(`the definition of ${name}`, definition, NAMES)
  const { load, loadMany, key, version } = definition
  for (const [option, value] of Object.entries({ load, loadMany, key })) {
    if (value !== undefined && typeof value !== 'function') {
      throw invalidOption(`${name}.${option}`, 'a function', value)
    }
  }
  wholeNumber(`${name}.version`, version ?? 0, { min: 0 })
}
