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
import { poll } from './state/poll.ts'
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
  /** Whether hits may be there at once. */
  #quick: boolean
  readonly #names = new Set<string>()
  #closing: Promise<void> | undefined

  constructor(engine: Engine, ownOffload: OffloadManager | undefined) {
    this.label = engine.label
    this.#engine = engine
    this.#policy = engine.policy
    this.#policies = new CallPolicies(engine.policy)
    this.#ownOffload = ownOffload
    this.#quick = engine.tiers.peek !== undefined
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
    const { flights, tiers, time, schemas } = this.#engine
    if (flights.size > 0) {
      const landed = joinable(this.#engine, text, false)?.landed
      if (landed !== undefined) return landed.data as T
    }
    const entry = tiers.peek?.(text)
    if (entry === undefined || !(time.before(entry.staleAt) || time.before(usableUntil(entry)))) {
      return undefined
    }
    const { schema } = this.#policy
    if (schema === undefined) return entry.data as T
    const verdict = schemas.check(schema, entry)
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
      hit: (key) => (policy.plain ? this.#hit(key) : undefined),
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
      const text = keyText(key)
      if (options === undefined && this.#policy.plain && this.#policy.ttlMs !== undefined) {
        const hit = this.#hit(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      checkLoad(load)
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
      if (options === undefined && this.#policy.schema === undefined) {
        const hit = this.#hit(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      return this.#run(text, this.#policies.forRead('get', options), {}) as Promise<T | undefined>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * A fresh value that is there at once, counted: the way of nearly all calls. No function, object or promise is made here, and
   * whoever is observed goes the other way.
   */
  #hit(text: string): CacheValue<unknown> | undefined {
    const { flights, announcer, tiers, time, ledger } = this.#engine
    if (!this.#quick || announcer.active || (flights.size > 0 && flights.has(text)))
      return undefined
    // Looked at first: what is not fresh is asked for with a context, to know why, and is to be asked for once.
    const seen = tiers.peek?.(text)
    if (seen === undefined || !time.before(seen.staleAt)) return undefined
    const entry = tiers.get(text)
    if (entry === undefined) return undefined
    if (isPromise(entry)) {
      // These tiers ask further than the uppermost even for what it has, so that is how they shall be asked.
      this.#quick = false
      entry.catch(() => undefined)
      return undefined
    }
    ledger.calls += 1
    ledger.hits += 1
    return entry
  }

  #run(text: string, policy: Policy, options: RequestOptions): Promise<unknown> {
    options.signal?.throwIfAborted()
    return resolve(this.#engine, new Request(this.#engine, text, policy, options))
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
