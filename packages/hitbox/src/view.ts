import { chain, invalidOption, type KeyInput, wholeNumber } from '@hitbox/core'
import type { GetMany, GetOrLoadMany } from './batch/batch-api.ts'
import { BatchCalls } from './batch/batch-calls.ts'
import type {
  DeleteManyReceipt,
  DeleteReceipt,
  ExpireReceipt,
  Get,
  GetOrLoad,
  Namespace,
  NamespaceOptions,
  WriteOptions,
} from './cache.ts'
import {
  type Belonging,
  deleteAll,
  deleteOne,
  entryOf,
  expireOne,
  invalidate,
  promised,
  receiptOf,
  setAll,
  setOne,
} from './changes.ts'
import { CallPolicies } from './call-policies.ts'
import type { Engine } from './engine.ts'
import { explain } from './explain.ts'
import type { Explanation } from './explanation.ts'
import {
  type CachedFunction,
  cachedFunction,
  checkFunction,
  type FnOptions,
} from './function/cached-function.ts'
import type { Receipt } from './fresh.ts'
import type { Keyed, KeyedSource } from './function/keyed.ts'
import { type Keyspace, toNamespace } from './keyspace.ts'
import { type Policy, withTags } from './policy.ts'
import { SingleCalls } from './single-calls.ts'
import { lookBelow, poll } from './state/poll.ts'
import { joinable } from './state/resolve.ts'
import { usableUntil } from './state/serve.ts'
import { Scope } from './versions/scope.ts'

/** The calls of a cache on one namespace, with its defaults. Holds nothing that outlives it. */
export class View<Value> implements Namespace<Value>, KeyedSource {
  readonly label: string
  readonly get: Get<Value>
  readonly getOrLoad: GetOrLoad<Value>
  readonly getMany: GetMany<Value>
  readonly getOrLoadMany: GetOrLoadMany<Value>
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #keyspace: Keyspace
  readonly #policies: CallPolicies
  readonly #singles: SingleCalls<Value>

  constructor(engine: Engine, scope: Scope, policy: Policy) {
    this.label = engine.label
    this.#engine = engine
    this.#scope = scope
    this.#keyspace = scope.keyspace
    this.#policies = new CallPolicies(policy, () => engine.requireMeta('tags'))
    this.#singles = new SingleCalls<Value>(engine, scope, policy, this.#policies)
    this.get = this.#singles.get
    this.getOrLoad = this.#singles.getOrLoad
    const batches = new BatchCalls<Value>(engine, {
      scope,
      assertOpen: () => engine.assertOpen(),
      callPolicy: (options) => this.#policies.forBatch(options),
      readPolicy: (options) => this.#policies.forRead('getMany', options),
    })
    this.getMany = batches.getMany
    this.getOrLoadMany = batches.getOrLoadMany
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with get
  peek<T extends Value>(key: KeyInput): T | undefined {
    this.#engine.assertOpen()
    return this.#singles.peek(this.#keyspace.text(key)) as T | undefined
  }

  async has(key: KeyInput): Promise<boolean> {
    this.#engine.assertOpen()
    const text = this.#keyspace.text(key)
    if (joinable(this.#engine, text, false)?.landed !== undefined) return true
    const { entry } = await poll(this.#engine, text)
    if (entry === undefined || usableUntil(entry) <= this.#engine.clock.now()) return false
    const valid = await this.#engine.versions.valid(this.#scope, entry)
    if (valid || this.#engine.tiers.lowest === undefined) return valid
    const again = await lookBelow(this.#engine, this.#scope, text, undefined)
    return again.entry !== undefined && usableUntil(again.entry) > this.#engine.clock.now()
  }

  set(key: KeyInput, value: Value, options?: WriteOptions): Promise<Receipt> {
    return promised(() => {
      this.#engine.assertOpen()
      const policy = this.#policies.forWrite('set', options)
      const text = this.#keyspace.text(key)
      const entry = entryOf(this.#engine, policy, value)
      return chain(setOne(this.#engine, this.#belonging(policy), text, entry), () =>
        receiptOf(this.#engine, [text]),
      )
    })
  }

  setMany(
    entries: Iterable<readonly [key: KeyInput, value: Value]>,
    options?: WriteOptions,
  ): Promise<Receipt> {
    return promised(() => {
      this.#engine.assertOpen()
      const policy = this.#policies.forWrite('setMany', options)
      const items = Array.from(
        entries,
        ([key, value]) => [this.#keyspace.text(key), entryOf(this.#engine, policy, value)] as const,
      )
      if (items.length === 0) return receiptOf(this.#engine, [])
      const values = new Map(items)
      return chain(setAll(this.#engine, this.#belonging(policy), values), () =>
        receiptOf(this.#engine, [...values.keys()]),
      )
    })
  }

  delete(key: KeyInput): Promise<DeleteReceipt> {
    return promised(() => {
      this.#engine.assertOpen()
      const text = this.#keyspace.text(key)
      return chain(deleteOne(this.#engine, text), (deleted) => ({
        ...receiptOf(this.#engine, [text]),
        deleted,
      }))
    })
  }

  deleteMany(keys: Iterable<KeyInput>): Promise<DeleteManyReceipt> {
    return promised(() => {
      this.#engine.assertOpen()
      const texts = Array.from(keys, (key) => this.#keyspace.text(key))
      if (texts.length === 0) return { ...receiptOf(this.#engine, []), deleted: [] }
      return chain(deleteAll(this.#engine, new Set(texts)), (found) => ({
        ...receiptOf(this.#engine, texts),
        deleted: texts.map((text) => found.get(text) === true),
      }))
    })
  }

  expire(key: KeyInput): Promise<ExpireReceipt> {
    return promised(() => {
      this.#engine.assertOpen()
      const text = this.#keyspace.text(key)
      return chain(expireOne(this.#engine, this.#scope, text), (expired) => ({
        ...receiptOf(this.#engine, [text]),
        expired,
      }))
    })
  }

  fn<Args extends readonly unknown[], T extends Value>(
    name: string,
    f: (...args: Args) => T | PromiseLike<T>,
    options: FnOptions<Args, T> = {},
  ): CachedFunction<Args, T> {
    this.#engine.assertOpen()
    checkFunction(name, f, options)
    return cachedFunction(name, f, options, this.keyed<T>(name, options, true))
  }

  keyed<T>(name: string, options: FnOptions<never, T>, loads: boolean): Keyed<T> {
    this.#engine.assertOpen()
    const { functions } = this.#engine
    const { prefix } = this.#keyspace
    if (functions.has(prefix + name)) {
      throw invalidOption('name', 'one that nothing else in this cache has', name)
    }
    const policy = this.#policies.forFunction(options, loads)
    functions.add(prefix + name)
    const own = new View<T>(this.#engine, this.#scope, policy)
    const tagged = (tags: readonly string[] | undefined): Policy =>
      tags === undefined ? policy : { ...policy, tags: withTags(policy.tags, tags) }
    return {
      hit: (key) => (policy.plain ? own.#singles.find(prefix + key) : undefined),
      load: (key, load, tags) => {
        const text = prefix + key
        return own.#singles.run(text, tagged(tags), { load }) as Promise<T>
      },
      answer: (key, load, tags) => own.#singles.explained<T>(prefix + key, load, tagged(tags), {}),
      many: (inputs, load, { key, tags }) =>
        own.getOrLoadMany.settled(inputs, load as never, { key, tags }),
      get: (key) => own.get(key),
      peek: (key) => own.peek(key),
      has: (key) => own.has(key),
      set: (key, value, tags) => own.set(key, value, tags && { tags }),
      delete: (key) => own.delete(key),
      expire: (key) => own.expire(key),
    }
  }

  async invalidateTags(...tags: readonly (string | readonly string[])[]): Promise<Receipt> {
    this.#engine.assertOpen()
    const names = withTags([], tags.flat(), Number.POSITIVE_INFINITY)
    this.#engine.requireMeta('tags')
    return this.#invalidated(names)
  }

  async clear(): Promise<Receipt> {
    this.#engine.assertOpen()
    this.#engine.requireMeta('clear')
    const { names } = this.#keyspace
    const receipt = await this.#invalidated([names.at(-1) as string])
    // What is in this process alone need not wait until it is replaced.
    if (names.length === 1 && this.#keyspace.root === '')
      for (const tier of this.#engine.parts) tier.clear?.()
    return receipt
  }

  namespace<T extends Value = Value>(
    name: string,
    defaults: NamespaceOptions<T> = {},
  ): Namespace<T> {
    this.#engine.assertOpen()
    const { version, ...given } = defaults
    const keyspace = this.#keyspace.within(
      toNamespace(name),
      wholeNumber('version', version ?? 0, { min: 0 }),
    )
    const policy = this.#policies.forNamespace(given)
    return new View<T>(this.#engine, new Scope(keyspace), policy)
  }

  async explain(key: KeyInput): Promise<Explanation> {
    this.#engine.assertOpen()
    return explain(this.#engine, this.#scope, this.#keyspace.text(key))
  }

  async #invalidated(names: readonly string[]): Promise<Receipt> {
    if (names.length > 0) await invalidate(this.#engine, names)
    return receiptOf(this.#engine, this.#engine.versions.keysOf(this.#scope, names))
  }

  #belonging({ tags }: Policy): Belonging {
    return { scope: this.#scope, tags }
  }
}
