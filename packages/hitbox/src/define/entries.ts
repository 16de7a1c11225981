import { settleEach, unwrap } from '@hitbox/core'
import type { Settled } from '../batch/batch-api.ts'
import type { BatchResult } from '../batch/batch-load.ts'
import { argumentKeys } from '../function/argument-key.ts'
import type { KeyedSource } from '../function/keyed.ts'
import type { LoadContext } from '../flight/loading.ts'
import type { Definition, Entries, LoadedEntries } from './definition.ts'

/** The calls for one definition. @param source - The cache that it is kept in. */
export function entriesOf(
  name: string,
  definition: Definition,
  source: KeyedSource,
): Entries<unknown, unknown> | LoadedEntries<unknown, unknown> {
  const { load, loadMany, key, version, tags, ...policy } = definition
  const loads = load !== undefined || loadMany !== undefined
  const tagsOf = typeof tags === 'function' ? tags : undefined
  const fixed = typeof tags === 'function' ? undefined : tags
  const keyed = source.keyed<unknown>(name, { ...policy, tags: fixed }, loads)
  const keyOf = keyMaker(name, version ?? 0, key)
  const entries: Entries<unknown, unknown> = {
    get: async (input) => keyed.get(keyOf(input)),
    peek: (input) => keyed.peek(keyOf(input)),
    has: async (input) => keyed.has(keyOf(input)),
    set: async (...entry: readonly unknown[]) => {
      // Without an input there is the value alone.
      const [input, value] = entry.length === 1 ? [undefined, entry[0]] : entry
      return keyed.set(keyOf(input), value, tagsOf?.(input))
    },
    delete: async (input) => keyed.delete(keyOf(input)),
    expire: async (input) => keyed.expire(keyOf(input)),
    keyOf,
  }
  if (!loads) return Object.freeze(entries)
  const one = loadOne(definition)
  const call = (input: unknown): Promise<unknown> => {
    try {
      const text = keyOf(input)
      const hit = keyed.hit(text)
      if (hit !== undefined) return Promise.resolve(hit.data)
      return keyed.load(text, (context) => one(input, context), tagsOf?.(input))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperty(call, 'name', { value: `cached ${name}` })
  const settled = async (inputs: Iterable<unknown>): Promise<Settled<unknown>[]> =>
    loadMany === undefined
      ? settleEach([...inputs], call)
      : keyed.many(inputs, loadMany, { key: keyOf, tags: tagsOf })
  const many = async (inputs: Iterable<unknown>): Promise<unknown[]> =>
    (await settled(inputs)).map(unwrap)
  const more: Pick<LoadedEntries<unknown, unknown>, 'withContext' | 'many'> = {
    withContext: async (input) =>
      keyed.answer(keyOf(input), (context) => one(input, context), tagsOf?.(input)),
    many: Object.assign(many, { settled }),
  }
  return Object.freeze(Object.assign(call, entries, more))
}

type LoadOne = (input: unknown, context: LoadContext) => unknown

/** The loader of one input; a batch of one where the definition has nothing else. */
function loadOne({ load, loadMany }: Definition): LoadOne {
  if (load !== undefined) return load
  return async (input, context) => {
    const result = await (loadMany as NonNullable<Definition['loadMany']>)([input], context)
    const value = valueOf(result, input)
    if (value instanceof Error) throw value
    return value
  }
}

function valueOf(result: BatchResult<unknown>, input: unknown): unknown {
  return result instanceof Map ? result.get(input) : (result as readonly unknown[])[0]
}

function keyMaker(
  name: string,
  version: number,
  key: Definition['key'],
): (input: unknown) => string {
  const keyFor = argumentKeys(name, version)
  if (key === undefined) return (input) => keyFor(input === undefined ? [] : [input])
  return (input) => {
    const parts = key(input)
    return keyFor(Array.isArray(parts) ? parts : [parts])
  }
}
