import {
  failed,
  invalidOption,
  type ItemResult,
  type KeyInput,
  succeeded,
  unwrap,
} from '@hitbox/core'
import type { ReadOptions } from '../cache.ts'
import type { BatchOptions, GetMany, GetOrLoadMany, KeyedBatchOptions } from './batch-api.ts'
import { type Answer, type CallContext, createCallContext } from '../call-context.ts'
import type { Engine } from '../engine.ts'
import { type Policy, withTags } from '../policy.ts'
import { requireTold } from '../state/demand.ts'
import { Request, type RequestOptions } from '../state/request.ts'
import type { Scope } from '../versions/scope.ts'
import type { BatchLoader } from './batch-load.ts'
import type { Item } from './item.ts'
import { resolveMany } from './many.ts'

/** What batches need of the cache they belong to. */
export interface BatchHost {
  readonly scope: Scope
  assertOpen(): void
  callPolicy(options: BatchOptions<never, unknown> | undefined): Policy
  readPolicy(options: ReadOptions | undefined): Policy
}

/** One call for many keys. Duplicates are one request. */
interface Batch extends RequestOptions {
  readonly keys: readonly unknown[]
  readonly textOf: (key: unknown) => string
  readonly policy: Policy
  /** Names of the versions of the tags of one item, where items have their own. */
  readonly tagsOf: ((key: unknown) => readonly string[]) | undefined
  readonly loader: BatchLoader<unknown> | undefined
}

interface Outcome {
  readonly result: ItemResult<unknown>
  readonly context: CallContext | undefined
}

type LoadArguments = [
  items: Iterable<unknown>,
  loader: BatchLoader<unknown>,
  options?: Partial<KeyedBatchOptions<unknown, unknown>>,
]

/** The batch reads of one cache. */
export class BatchCalls<Value> {
  readonly getMany: GetMany<Value>
  readonly getOrLoadMany: GetOrLoadMany<Value>
  readonly #engine: Engine
  readonly #host: BatchHost

  constructor(engine: Engine, host: BatchHost) {
    this.#engine = engine
    this.#host = host
    const read = async (
      explained: boolean,
      keys: Iterable<KeyInput>,
      options: ReadOptions | undefined,
    ): Promise<Outcome[]> => this.#run(this.#reading(keys, options), explained)
    const load = async (explained: boolean, args: LoadArguments): Promise<Outcome[]> =>
      this.#run(this.#loading(...args), explained)
    this.getMany = Object.assign(
      async (keys: Iterable<KeyInput>, options?: ReadOptions) =>
        (await read(false, keys, options)).map(valueOf),
      {
        withContext: async (keys: Iterable<KeyInput>, options?: ReadOptions) =>
          (await read(true, keys, options)).map(answerOf).map(unwrap),
      },
    ) as GetMany<Value>
    this.getOrLoadMany = Object.assign(
      async (...args: LoadArguments) => (await load(false, args)).map(valueOf),
      {
        settled: async (...args: LoadArguments) =>
          (await load(false, args)).map(({ result }) => result),
        withContext: async (...args: LoadArguments) => (await load(true, args)).map(answerOf),
      },
    ) as GetOrLoadMany<Value>
  }

  #reading(keys: Iterable<KeyInput>, options: ReadOptions | undefined): Batch {
    this.#host.assertOpen()
    const policy = this.#host.readPolicy(options)
    const { keyspace } = this.#host.scope
    const textOf = (key: unknown): string => keyspace.text(key as KeyInput)
    return { keys: [...keys], textOf, policy, tagsOf: undefined, loader: undefined }
  }

  #loading(...[items, loader, options]: LoadArguments): Batch {
    this.#host.assertOpen()
    if (typeof loader !== 'function') throw invalidOption('load', 'a function', loader)
    const policy = this.#host.callPolicy(options)
    const { key, tags, signal, reload } = options ?? {}
    signal?.throwIfAborted()
    const { keyspace } = this.#host.scope
    const textOf = (item: unknown): string =>
      keyspace.text(key === undefined ? (item as KeyInput) : key(item))
    const tagsOf =
      typeof tags === 'function' ? (item: unknown) => withTags(policy.tags, tags(item)) : undefined
    return { keys: [...items], textOf, policy, tagsOf, loader, loads: true, signal, reload }
  }

  async #run(batch: Batch, explained: boolean): Promise<Outcome[]> {
    const texts = batch.keys.map(batch.textOf)
    const { policy, tagsOf } = batch
    requireTold(this.#engine, policy)
    // All that may throw comes before the first request, since a request is counted.
    const policies = tagsOf && batch.keys.map((key): Policy => ({ ...policy, tags: tagsOf(key) }))
    const items = new Map<string, Item<unknown>>()
    for (let index = 0; index < texts.length; index += 1) {
      const text = texts[index] as string
      if (items.has(text)) continue
      const context = explained ? createCallContext() : undefined
      const own = policies?.[index] ?? policy
      const request = new Request(this.#engine, this.#host.scope, text, own, {
        loads: batch.loads,
        signal: batch.signal,
        reload: batch.reload,
        context,
      })
      items.set(text, { key: batch.keys[index], request })
    }
    const results = await resolveMany(this.#engine, [...items.values()], batch.loader)
    const places = new Map(Array.from(items.keys(), (text, place) => [text, place]))
    return texts.map((text) => ({
      result: results[places.get(text) as number] as ItemResult<unknown>,
      context: items.get(text)?.request.context,
    }))
  }
}

function valueOf({ result }: Outcome): unknown {
  return unwrap(result)
}

function answerOf({ result, context }: Outcome): ItemResult<Answer<unknown>> {
  if (!result.ok) return failed(result.error)
  return succeeded({ value: result.value, context: context as CallContext })
}
