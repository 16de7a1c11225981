import {
  chain,
  CacheError,
  invalidOption,
  isPromise,
  type KeyInput,
  wholeNumber,
} from '@hitbox/core'
import type { GetMany, GetOrLoadMany } from './batch/batch-api.ts'
import { BatchCalls } from './batch/batch-calls.ts'
import type {
  CallOptions,
  Get,
  GetOrLoad,
  Namespace,
  NamespaceOptions,
  ReadOptions,
  WriteOptions,
} from './cache.ts'
import { type Answer, createCallContext } from './call-context.ts'
import {
  type Belonging,
  deleteAll,
  deleteOne,
  expireOne,
  invalidate,
  promised,
  setAll,
  setOne,
} from './changes.ts'
import { CallPolicies } from './call-policies.ts'
import type { Engine } from './engine.ts'
import { explain } from './explain.ts'
import type { Explanation } from './explanation.ts'
import { type Admitted, admit } from './flight/landing.ts'
import type { Loader } from './flight/loading.ts'
import {
  type CachedFunction,
  cachedFunction,
  checkFunction,
  type FnOptions,
} from './function/cached-function.ts'
import { type Keyspace, toNamespace } from './keyspace.ts'
import { type Policy, withTags } from './policy.ts'
import { QuickHits } from './quick-hits.ts'
import { poll } from './state/poll.ts'
import type { StandardSchema } from './schema.ts'
import { Request, type RequestOptions } from './state/request.ts'
import { joinable, resolve } from './state/resolve.ts'
import { usableUntil } from './state/serve.ts'
import { Scope } from './versions/versions.ts'

/** What a plain write wishes for its entry: nothing but its policy. */
const NO_WISHES = { ttlMs: undefined, staleAfterMs: undefined, stored: true } as const

/** The calls of a cache on one namespace, with its defaults. Holds nothing that outlives it. */
export class View<Value> implements Namespace<Value> {
  readonly label: string
  readonly get: Get<Value>
  readonly getOrLoad: GetOrLoad<Value>
  readonly getMany: GetMany<Value>
  readonly getOrLoadMany: GetOrLoadMany<Value>
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #keyspace: Keyspace
  readonly #policy: Policy
  readonly #policies: CallPolicies
  readonly #quick: QuickHits
  /** Whether a fresh hit may just be handed out to who asks without options: by getOrLoad, and by get. */
  readonly #plainLoad: boolean
  readonly #plainGet: boolean

  constructor(engine: Engine, scope: Scope, policy: Policy) {
    this.label = engine.label
    this.#engine = engine
    this.#scope = scope
    this.#keyspace = scope.keyspace
    this.#policy = policy
    this.#policies = new CallPolicies(policy, () => engine.requireMeta('tags'))
    this.#quick = new QuickHits(engine, scope, policy.announcer)
    this.#plainLoad = policy.plain && policy.ttlMs !== undefined
    this.#plainGet = policy.schema === undefined
    this.get = Object.assign(
      <T extends Value>(key: KeyInput, options?: ReadOptions<T>) => this.#get<T>(key, options),
      {
        withContext: async <T extends Value>(key: KeyInput, options?: ReadOptions<T>) =>
          this.#explained<T | undefined>(
            this.#keyspace.text(key),
            undefined,
            this.#policies.forRead('get', options),
            {},
          ),
      },
    )
    const getOrLoad = <T extends Value>(key: KeyInput, load: Loader<T>, options?: CallOptions<T>) =>
      this.#getOrLoad(key, load, options)
    this.getOrLoad = Object.assign(getOrLoad as GetOrLoad<Value>, {
      withContext: async <T extends Value>(
        key: KeyInput,
        load: Loader<T>,
        options?: CallOptions<T>,
      ) => {
        checkLoad(load)
        return this.#explained<T>(
          this.#keyspace.text(key),
          load,
          this.#policies.forLoad('getOrLoad', options),
          options ?? {},
        )
      },
    })
    const batches = new BatchCalls<Value>(engine, {
      scope,
      assertOpen: () => this.#assertOpen(),
      callPolicy: (options) => this.#policies.forBatch(options),
      readPolicy: (options) => this.#policies.forRead('getMany', options),
    })
    this.getMany = batches.getMany
    this.getOrLoadMany = batches.getOrLoadMany
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with get
  peek<T extends Value>(key: KeyInput): T | undefined {
    this.#assertOpen()
    const text = this.#keyspace.text(key)
    if (this.#engine.flights.size > 0) {
      const landed = joinable(this.#engine, text, false)?.landed
      if (landed !== undefined) return landed.data as T
    }
    const entry = this.#quick.peek(text)
    if (entry === undefined || this.#plainGet) return entry?.data as T | undefined
    const verdict = this.#engine.schemas.check(this.#policy.schema as StandardSchema, entry)
    return isPromise(verdict) || !verdict.ok ? undefined : (verdict.entry.data as T)
  }

  async has(key: KeyInput): Promise<boolean> {
    this.#assertOpen()
    const text = this.#keyspace.text(key)
    if (joinable(this.#engine, text, false)?.landed !== undefined) return true
    const { entry } = await poll(this.#engine, text)
    if (entry === undefined || usableUntil(entry) <= this.#engine.clock.now()) return false
    return this.#engine.versions.valid(this.#scope, entry)
  }

  set(key: KeyInput, value: Value, options?: WriteOptions): Promise<void> {
    return promised(() => {
      this.#assertOpen()
      const policy = this.#policies.forWrite('set', options)
      const text = this.#keyspace.text(key)
      return setOne(this.#engine, this.#belonging(policy), text, this.#entry(policy, value))
    })
  }

  setMany(
    entries: Iterable<readonly [key: KeyInput, value: Value]>,
    options?: WriteOptions,
  ): Promise<void> {
    return promised(() => {
      this.#assertOpen()
      const policy = this.#policies.forWrite('setMany', options)
      const items = Array.from(
        entries,
        ([key, value]) => [this.#keyspace.text(key), this.#entry(policy, value)] as const,
      )
      if (items.length === 0) return undefined
      return setAll(this.#engine, this.#belonging(policy), new Map(items))
    })
  }

  delete(key: KeyInput): Promise<boolean> {
    return promised(() => {
      this.#assertOpen()
      return deleteOne(this.#engine, this.#keyspace.text(key))
    })
  }

  deleteMany(keys: Iterable<KeyInput>): Promise<boolean[]> {
    return promised(() => {
      this.#assertOpen()
      const texts = Array.from(keys, (key) => this.#keyspace.text(key))
      if (texts.length === 0) return []
      return chain(deleteAll(this.#engine, new Set(texts)), (found) =>
        texts.map((text) => found.get(text) === true),
      )
    })
  }

  expire(key: KeyInput): Promise<boolean> {
    return promised(() => {
      this.#assertOpen()
      return expireOne(this.#engine, this.#scope, this.#keyspace.text(key))
    })
  }

  fn<Args extends readonly unknown[], T extends Value>(
    name: string,
    f: (...args: Args) => T | PromiseLike<T>,
    options: FnOptions<Args, T> = {},
  ): CachedFunction<Args, T> {
    this.#assertOpen()
    checkFunction(name, f, options)
    const { functions } = this.#engine
    const { prefix } = this.#keyspace
    if (functions.has(prefix + name)) {
      throw invalidOption('name', 'one that no other function of this cache has', name)
    }
    const policy = this.#policies.forFunction(options)
    functions.add(prefix + name)
    const quick = policy.plain && policy.announcer === this.#policy.announcer
    const tagged = (tags: unknown): Policy =>
      tags === undefined ? policy : { ...policy, tags: withTags(policy.tags, tags) }
    return cachedFunction(name, f, options, {
      hit: (key) => (quick ? this.#quick.find(prefix + key) : undefined),
      load: (key, load, tags) => this.#run(prefix + key, tagged(tags), { load }) as Promise<T>,
      answer: (key, load, tags) => this.#explained<T>(prefix + key, load, tagged(tags), {}),
      delete: (key) => this.delete(key),
      peek: (key) => this.peek<T>(key),
    })
  }

  async invalidateTags(...tags: readonly (string | readonly string[])[]): Promise<void> {
    this.#assertOpen()
    const names = withTags([], tags.flat(), Number.POSITIVE_INFINITY)
    this.#engine.requireMeta('tags')
    if (names.length > 0) await invalidate(this.#engine, names)
  }

  async clear(): Promise<void> {
    this.#assertOpen()
    this.#engine.requireMeta('clear')
    const { names } = this.#keyspace
    await invalidate(this.#engine, [names.at(-1) as string])
    // What is in this process alone need not wait until it is replaced.
    if (names.length === 1) for (const tier of this.#engine.parts) tier.clear?.()
  }

  namespace<T extends Value = Value>(
    name: string,
    defaults: NamespaceOptions<T> = {},
  ): Namespace<T> {
    this.#assertOpen()
    const { version, ...given } = defaults
    const keyspace = this.#keyspace.within(
      toNamespace(name),
      wholeNumber('version', version ?? 0, { min: 0 }),
    )
    const policy = this.#policies.forNamespace(given)
    return new View<T>(this.#engine, new Scope(keyspace), policy)
  }

  async explain(key: KeyInput): Promise<Explanation> {
    this.#assertOpen()
    return explain(this.#engine, this.#scope, this.#keyspace.text(key))
  }

  #assertOpen(): void {
    if (!this.#engine.closed) return
    throw new CacheError('CLOSED', `cache "${this.label}" is closed`, {
      details: { source: this.label },
    })
  }

  #getOrLoad<T>(key: KeyInput, load: Loader<T>, options?: CallOptions<T>): Promise<T> {
    try {
      this.#assertOpen()
      checkLoad(load)
      const text = this.#keyspace.text(key)
      if (options === undefined && this.#plainLoad) {
        const hit = this.#quick.find(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      const policy = this.#policies.forLoad('getOrLoad', options)
      return this.#run(text, policy, { ...options, load }) as Promise<T>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #get<T>(key: KeyInput, options?: ReadOptions<T>): Promise<T | undefined> {
    try {
      this.#assertOpen()
      const text = this.#keyspace.text(key)
      if (options === undefined && this.#plainGet) {
        const hit = this.#quick.find(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      return this.#run(text, this.#policies.forRead('get', options), {}) as Promise<T | undefined>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #run(text: string, policy: Policy, options: RequestOptions): Promise<unknown> {
    options.signal?.throwIfAborted()
    const request = new Request(this.#engine, this.#scope, text, policy, options)
    return resolve(this.#engine, request, this.#quick.seen(text))
  }

  async #explained<T>(
    text: string,
    load: Loader | undefined,
    policy: Policy,
    { signal, fresh }: RequestOptions,
  ): Promise<Answer<T>> {
    this.#assertOpen()
    const context = createCallContext()
    const value = await this.#run(text, policy, { load, signal, fresh, context })
    return { value: value as T, context }
  }

  #belonging({ tags }: Policy): Belonging {
    return { scope: this.#scope, tags }
  }

  #entry(policy: Policy, value: unknown): Admitted | undefined {
    if (isPromise(value)) throw invalidOption('value', 'there already: await it', value)
    return admit(policy, NO_WISHES, value, { at: this.#engine.clock.now() })
  }
}

function checkLoad(load: unknown): void {
  if (typeof load !== 'function') throw invalidOption('load', 'a function', load)
}
