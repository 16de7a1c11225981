import type { DeleteReceipt } from '../cache.ts'
import { invalidOption, type KeyAtom, knownOptions, wholeNumber } from '@hitbox/core'
import type { Answer } from '../call-context.ts'
import { POLICY_OPTIONS, type PolicyOptions } from '../policy.ts'
import { argumentKeys } from './argument-key.ts'
import type { Keyed } from './keyed.ts'

/** What tells calls of a cached function apart, and how its results are kept. */
export interface FnOptions<Args extends readonly unknown[], T = unknown> extends Omit<
  PolicyOptions<T>,
  'tags'
> {
  /** Positions of arguments that do not tell calls apart, counted from 0. @defaultValue none */
  readonly skip?: readonly number[] | undefined
  /** What tells calls apart instead of the arguments. @defaultValue all arguments */
  readonly key?: ((...args: Args) => KeyAtom | readonly KeyAtom[]) | undefined
  /** What results belong to: for all calls, or for each its own. @defaultValue none */
  readonly tags?: readonly string[] | ((...args: Args) => readonly string[]) | undefined
}

/** A function with its cache. */
export interface CachedFunction<Args extends readonly unknown[], T> {
  (...args: Args): Promise<T>
  /** The same, with how it was answered. */
  withContext(...args: Args): Promise<Answer<T>>
  /** The function itself. */
  readonly uncached: (...args: Args) => T | PromiseLike<T>
  /** Text of the key of this call. */
  keyOf(...args: Args): string
  /** {@link Namespace.delete} of this call. */
  delete(...args: Args): Promise<DeleteReceipt>
  /** {@link Namespace.peek} of this call. */
  peek(...args: Args): T | undefined
}

const NAMES: readonly string[] = [...POLICY_OPTIONS, 'skip', 'key']

export function cachedFunction<Args extends readonly unknown[], T>(
  name: string,
  f: (...args: Args) => T | PromiseLike<T>,
  options: FnOptions<Args, T>,
  host: Keyed<T>,
): CachedFunction<Args, T> {
  const keyFor = keyMaker(name, options)
  const tagsOf = typeof options.tags === 'function' ? options.tags : undefined
  const call = (...args: Args): Promise<T> => {
    try {
      const key = keyFor(args)
      const hit = host.hit(key)
      if (hit !== undefined) return Promise.resolve(hit.data as T)
      return host.load(key, () => f(...args), tagsOf?.(...args))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperty(call, 'name', { value: `cached ${name}` })
  return Object.assign(call, {
    withContext: async (...args: Args) =>
      host.answer(keyFor(args), () => f(...args), tagsOf?.(...args)),
    uncached: f,
    keyOf: (...args: Args) => keyFor(args),
    delete: async (...args: Args) => host.delete(keyFor(args)),
    peek: (...args: Args) => host.peek(keyFor(args)),
  })
}

/** @throws {@link CacheError} `INVALID_OPTION` when an argument of `fn` cannot be used. */
export function checkFunction(name: unknown, f: unknown, options: object): void {
  if (typeof name !== 'string' || name === '') {
    throw invalidOption('name', 'a text that is not empty', name)
  }
  if (typeof f !== 'function') throw invalidOption('f', 'a function', f)
  knownOptions('fn', options, NAMES)
  const { skip, key } = options as FnOptions<readonly unknown[]>
  if (key !== undefined && typeof key !== 'function') throw invalidOption('key', 'a function', key)
  if (skip === undefined) return
  if (key !== undefined) throw invalidOption('skip', 'left out when "key" is given', skip)
  if (!Array.isArray(skip)) throw invalidOption('skip', 'a list of positions', skip)
  for (const position of skip) wholeNumber('skip', position, { min: 0 })
}

function keyMaker<Args extends readonly unknown[]>(
  name: string,
  { skip, key }: FnOptions<Args>,
): (args: Args) => string {
  const keyOf = argumentKeys(name)
  if (key !== undefined) {
    return (args) => {
      const parts = key(...args)
      return keyOf(Array.isArray(parts) ? parts : [parts])
    }
  }
  if (skip === undefined) return keyOf
  const skipped = new Set(skip)
  return (args) => keyOf(args.filter((_, position) => !skipped.has(position)))
}
