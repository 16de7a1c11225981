import {
  type CacheValue,
  chain,
  CacheError,
  type DurationInput,
  invalidOption,
  isPromise,
  type KeyInput,
  keyText,
  toDuration,
} from '@hitbox/core'
import type { OffloadManager } from '@hitbox/composition'
import { BatchCalls } from './batch/batch-calls.ts'
import type {
  Cache,
  CallOptions,
  Explanation,
  Get,
  GetMany,
  GetOrLoad,
  GetOrLoadMany,
  ReadOptions,
  WriteOptions,
} from './cache.ts'
import { type Answer, createCallContext } from './call-context.ts'
import { deleteAll, deleteOne, expireOne, promised, setAll, setOne } from './changes.ts'
import { CallPolicies } from './call-policies.ts'
import { closeEngine } from './close.ts'
import type { Engine } from './engine.ts'
import { explain } from './explain.ts'
import { admit } from './flight/landing.ts'
import type { Loader } from './flight/loading.ts'
import {
  type CachedFunction,
  cachedFunction,
  checkFunction,
  type FnOptions,
} from './function/cached-function.ts'
import type { CacheStats } from './ledger.ts'
import { type LifeInput, type Policy, policyOf, requireTtl } from './policy.ts'
import { QuickHits } from './quick-hits.ts'
import { poll } from './state/poll.ts'
import type { StandardSchema } from './schema.ts'
import { Request, type RequestOptions } from './state/request.ts'
import { joinable, resolve } from './state/resolve.ts'
import { usableUntil } from './state/serve.ts'

/** What a plain write wishes for its entry: nothing but its policy. */
const NO_WISHES = { ttlMs: undefined, staleAfterMs: undefined, stored: true } as const

export class TieredCache<Value> implements Cache<Value> {
  readonly label: string
  readonly get: Get<Value>
  readonly getOrLoad: GetOrLoad<Value>
  readonly getMany: GetMany<Value>
  readonly getOrLoadMany: GetOrLoadMany<Value>
  readonly #engine: Engine
  readonly #policy: Policy
  readonly #policies: CallPolicies
  readonly #ownOffload: OffloadManager | undefined
  readonly #quick: QuickHits
  /** Whether a fresh hit may just be handed out to who asks without options: by getOrLoad, and by get. */
  readonly #plainLoad: boolean
  readonly #plainGet: boolean
  readonly #names = new Set<string>()
  #closing: Promise<void> | undefined

  constructor(engine: Engine, ownOffload: OffloadManager | undefined) {
    this.label = engine.label
    this.#engine = engine
    this.#policy = engine.policy
    this.#policies = new CallPolicies(engine.policy)
    this.#ownOffload = ownOffload
    this.#quick = new QuickHits(engine)
    this.#plainLoad = engine.policy.plain && engine.policy.ttlMs !== undefined
    this.#plainGet = engine.policy.schema === undefined
    this.get = Object.assign(
      <T extends Value>(key: KeyInput, options?: ReadOptions<T>) => this.#get<T>(key, options),
      {
        withContext: async <T extends Value>(key: KeyInput, options?: ReadOptions<T>) =>
          this.#explained<T | undefined>(
            key,
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
          key,
          load,
          this.#policies.forLoad('getOrLoad', options),
          options ?? {},
        )
      },
    })
    const batches = new BatchCalls<Value>(engine, {
      assertOpen: () => this.#assertOpen(),
      callPolicy: (options) => this.#policies.forLoad('getOrLoadMany', options, ['key']),
      readPolicy: (options) => this.#policies.forRead('getMany', options),
    })
    this.getMany = batches.getMany
    this.getOrLoadMany = batches.getOrLoadMany
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names the type, as with get
  peek<T extends Value>(key: KeyInput): T | undefined {
    this.#assertOpen()
    const text = keyText(key)
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
    const text = keyText(key)
    if (joinable(this.#engine, text, false)?.landed !== undefined) return true
    const { entry } = await poll(this.#engine, text)
    return entry !== undefined && usableUntil(entry) > this.#engine.clock.now()
  }

  set(key: KeyInput, value: Value, options?: WriteOptions): Promise<void> {
    return promised(() => {
      this.#assertOpen()
      const policy = this.#policies.forWrite('set', options)
      return setOne(this.#engine, keyText(key), this.#entry(policy, value))
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
        ([key, value]) => [keyText(key), this.#entry(policy, value)] as const,
      )
      return items.length === 0 ? undefined : setAll(this.#engine, new Map(items))
    })
  }

  delete(key: KeyInput): Promise<boolean> {
    return promised(() => {
      this.#assertOpen()
      return deleteOne(this.#engine, keyText(key))
    })
  }

  deleteMany(keys: Iterable<KeyInput>): Promise<boolean[]> {
    return promised(() => {
      this.#assertOpen()
      const texts = Array.from(keys, keyText)
      if (texts.length === 0) return []
      return chain(deleteAll(this.#engine, new Set(texts)), (found) =>
        texts.map((text) => found.get(text) === true),
      )
    })
  }

  expire(key: KeyInput): Promise<boolean> {
    return promised(() => {
      this.#assertOpen()
      return expireOne(this.#engine, keyText(key))
    })
  }

  fn<Args extends readonly unknown[], T extends Value>(
    name: string,
    f: (...args: Args) => T | PromiseLike<T>,
    options: FnOptions<Args, T> = {},
  ): CachedFunction<Args, T> {
    this.#assertOpen()
    checkFunction(name, f, options)
    if (this.#names.has(name)) {
      throw invalidOption('name', 'one that no other function of this cache has', name)
    }
    const policy = policyOf(options, this.#policy)
    requireTtl(policy)
    this.#names.add(name)
    return cachedFunction(name, f, options, {
      hit: (key) => (policy.plain ? this.#quick.find(key) : undefined),
      load: (key, load) => this.#run(key, policy, { load }) as Promise<T>,
      answer: (key, load) => this.#explained<T>(key, load, policy, {}),
      delete: (key) => this.delete(key),
      peek: (key) => this.peek<T>(key),
    })
  }

  stats(): CacheStats {
    const { ledger, flights, parts } = this.#engine
    return {
      ...ledger.snapshot(),
      inFlight: flights.active,
      tiers: parts.map((tier) => Object.assign({ label: tier.label }, tier.stats())),
    }
  }

  async explain(key: KeyInput): Promise<Explanation> {
    this.#assertOpen()
    return explain(this.#engine, keyText(key))
  }

  close(options: { readonly timeout?: LifeInput | undefined } = {}): Promise<void> {
    this.#closing ??= closeEngine(
      this.#engine,
      this.#ownOffload,
      toDuration((options.timeout ?? '5s') as DurationInput, 'timeout'),
    )
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return
    throw new CacheError('CLOSED', `cache "${this.label}" is closed`, {
      details: { source: this.label },
    })
  }

  #getOrLoad<T>(key: KeyInput, load: Loader<T>, options?: CallOptions<T>): Promise<T> {
    try {
      this.#assertOpen()
      checkLoad(load)
      const text = keyText(key)
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
      const text = keyText(key)
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
    const request = new Request(this.#engine, text, policy, options)
    return resolve(this.#engine, request, this.#quick.seen(text))
  }

  async #explained<T>(
    key: KeyInput,
    load: Loader | undefined,
    policy: Policy,
    { signal, fresh }: RequestOptions,
  ): Promise<Answer<T>> {
    this.#assertOpen()
    const context = createCallContext()
    const value = await this.#run(keyText(key), policy, { load, signal, fresh, context })
    return { value: value as T, context }
  }

  #entry(policy: Policy, value: unknown): CacheValue<unknown> | undefined {
    if (isPromise(value)) throw invalidOption('value', 'there already: await it', value)
    return admit(policy, NO_WISHES, value, { at: this.#engine.clock.now() })
  }
}

function checkLoad(load: unknown): void {
  if (typeof load !== 'function') throw invalidOption('load', 'a function', load)
}
