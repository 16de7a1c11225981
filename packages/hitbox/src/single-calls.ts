import { invalidOption, isPromise, type KeyInput } from '@hitbox/core'
import type { CallOptions, Get, GetOrLoad, ReadOptions } from './cache.ts'
import { type Answer, createCallContext } from './call-context.ts'
import type { CallPolicies } from './call-policies.ts'
import type { Engine } from './engine.ts'
import type { Loader } from './flight/loading.ts'
import type { Keyspace } from './keyspace.ts'
import { isQuick } from './fresh.ts'
import type { Policy } from './policy.ts'
import { QuickHits } from './quick-hits.ts'
import type { StandardSchema } from './schema.ts'
import { requireTold } from './state/demand.ts'
import { Request, type RequestOptions } from './state/request.ts'
import { joinable, resolve } from './state/resolve.ts'
import type { Scope } from './versions/scope.ts'

/** The reads of single keys of one view. */
export class SingleCalls<Value> {
  readonly get: Get<Value>
  readonly getOrLoad: GetOrLoad<Value>
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #keyspace: Keyspace
  readonly #policy: Policy
  readonly #policies: CallPolicies
  readonly #quick: QuickHits
  /** Whether a fresh hit may just be handed out to who asks without options: by getOrLoad, and by get. */
  readonly #plainLoad: boolean
  readonly #plainGet: boolean

  constructor(engine: Engine, scope: Scope, policy: Policy, policies: CallPolicies) {
    this.#engine = engine
    this.#scope = scope
    this.#keyspace = scope.keyspace
    this.#policy = policy
    this.#policies = policies
    this.#quick = new QuickHits(engine, scope, policy)
    this.#plainLoad = policy.plain
    this.#plainGet = policy.schema === undefined && isQuick(policy.fresh)
    this.get = Object.assign(
      <T extends Value>(key: KeyInput, options?: ReadOptions<T>) => this.#get<T>(key, options),
      {
        withContext: async <T extends Value>(key: KeyInput, options?: ReadOptions<T>) =>
          this.explained<T | undefined>(
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
        return this.explained<T>(
          this.#keyspace.text(key),
          load,
          this.#policies.forLoad('getOrLoad', options),
          options ?? {},
        )
      },
    })
  }

  /** What is in this process, and may be served. */
  peek(text: string): unknown {
    if (this.#engine.flights.size > 0) {
      const landed = joinable(this.#engine, text, false)?.landed
      if (landed !== undefined) return landed.data
    }
    const entry = this.#quick.peek(text)
    if (entry === undefined || this.#plainGet) return entry?.data
    const verdict = this.#engine.schemas.check(this.#policy.schema as StandardSchema, entry)
    return isPromise(verdict) || !verdict.ok ? undefined : verdict.entry.data
  }

  /** A fresh value that can be handed out at once, counted. */
  find(text: string): { readonly data: unknown } | undefined {
    this.#engine.assertOpen()
    return this.#quick.find(text)
  }

  #getOrLoad<T>(key: KeyInput, load: Loader<T>, options?: CallOptions<T>): Promise<T> {
    try {
      this.#engine.assertOpen()
      checkLoad(load)
      const text = this.#keyspace.text(key)
      if (this.#plainLoad && (options === undefined || isForLoad(options))) {
        const hit = this.#quick.find(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      const policy = this.#policies.forLoad('getOrLoad', options)
      return this.run(text, policy, { ...options, load }) as Promise<T>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #get<T>(key: KeyInput, options?: ReadOptions<T>): Promise<T | undefined> {
    try {
      this.#engine.assertOpen()
      const text = this.#keyspace.text(key)
      if (options === undefined && this.#plainGet) {
        const hit = this.#quick.find(text)
        if (hit !== undefined) return Promise.resolve(hit.data as T)
      }
      const policy = this.#policies.forRead('get', options)
      return this.run(text, policy, {}) as Promise<T | undefined>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  run(text: string, policy: Policy, options: RequestOptions): Promise<unknown> {
    options.signal?.throwIfAborted()
    requireTold(this.#engine, policy)
    const request = new Request(this.#engine, this.#scope, text, policy, options)
    return resolve(this.#engine, request)
  }

  async explained<T>(
    text: string,
    load: Loader | undefined,
    policy: Policy,
    { signal, reload }: RequestOptions,
  ): Promise<Answer<T>> {
    this.#engine.assertOpen()
    const context = createCallContext()
    const value = await this.run(text, policy, { load, signal, reload, context })
    return { value: value as T, context }
  }
}

/** Whether options say only what becomes of a value that is loaded, and nothing of one that is there and fresh. */
function isForLoad({ signal, reload, fresh, schema, earlyRefresh, onEvent }: CallOptions): boolean {
  return (
    signal === undefined &&
    reload === undefined &&
    fresh === undefined &&
    schema === undefined &&
    earlyRefresh === undefined &&
    onEvent === undefined
  )
}

function checkLoad(load: unknown): void {
  if (typeof load !== 'function') throw noLoad(load)
}

function noLoad(load: unknown): unknown {
  return invalidOption('load', 'a function', load)
}
