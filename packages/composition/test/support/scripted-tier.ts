import {
  type BackendStats,
  type CacheBackend,
  type CacheValue,
  CacheError,
  type DeleteStatus,
  deleteStatus,
  type Entry,
  type ItemResult,
  type KeyInput,
  keyText,
  type MaybePromise,
  type ReadOptions,
  settleEach,
} from '@hitbox/core'

export type Verb = 'get' | 'set' | 'delete' | 'take' | 'fill' | 'renew' | 'release' | 'expire'

export interface Call {
  readonly verb: Verb
  readonly key: string
}

/** What a tier does with one call: run it now, later, or not at all. */
export type Script = <R>(call: Call, effect: () => R) => MaybePromise<R>

export interface ScriptedTier extends CacheBackend {
  /** What it holds, expired or not: it does not look at moments at all. */
  readonly entries: Map<string, CacheValue<unknown>>
  /** Every operation that reached it, single and batch, as `verb key` or `verbMany key,key`. */
  readonly calls: string[]
  script: Script
  closed: number
  clear(): void
}

export const atOnce: Script = (_, effect) => effect()
export const soon: Script = (_, effect) => Promise.resolve().then(effect)

/** A tier over a map that does with each call what its script says. */
export function scriptedTier(label: string, script: Script = atOnce): ScriptedTier {
  return new Scripted(label, script)
}

class Scripted implements ScriptedTier {
  readonly label: string
  readonly entries = new Map<string, CacheValue<unknown>>()
  readonly calls: string[] = []
  script: Script
  closed = 0

  constructor(label: string, script: Script) {
    this.label = label
    this.script = script
  }

  get<T>(key: KeyInput, _options?: ReadOptions): MaybePromise<CacheValue<T> | undefined> {
    this.calls.push(`get ${keyText(key)}`)
    return this.#get<T>(keyText(key))
  }

  set<T>(key: KeyInput, value: CacheValue<T>): MaybePromise<void> {
    this.calls.push(`set ${keyText(key)}`)
    return this.#set([keyText(key), value])
  }

  delete(key: KeyInput): MaybePromise<DeleteStatus> {
    this.calls.push(`delete ${keyText(key)}`)
    return this.#delete(keyText(key))
  }

  getMany<T>(keys: Iterable<KeyInput>): MaybePromise<ItemResult<CacheValue<T> | undefined>[]> {
    const texts = Array.from(keys, keyText)
    this.calls.push(`getMany ${texts.join(',')}`)
    return settleEach(texts, (text) => this.#get<T>(text))
  }

  setMany<T>(entries: Iterable<Entry<T>>): MaybePromise<ItemResult<void>[]> {
    const items = [...entries]
    this.calls.push(`setMany ${items.map(([key]) => keyText(key)).join(',')}`)
    return settleEach(items, (item) => this.#set(item))
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    const texts = Array.from(keys, keyText)
    this.calls.push(`deleteMany ${texts.join(',')}`)
    return settleEach(texts, (text) => this.#delete(text))
  }

  clear(): void {
    this.calls.push('clear')
    this.entries.clear()
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  stats(): BackendStats {
    return { hits: 0, misses: 0, writes: 0, deletes: 0, errors: 0, dropped: {} }
  }

  close(): Promise<void> {
    this.closed += 1
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #get<T>(key: string): MaybePromise<CacheValue<T> | undefined> {
    return this.script(
      { verb: 'get', key },
      () => this.entries.get(key) as CacheValue<T> | undefined,
    )
  }

  #set([key, value]: Entry): MaybePromise<void> {
    const text = keyText(key)
    return this.script({ verb: 'set', key: text }, () => void this.entries.set(text, value))
  }

  #delete(key: string): MaybePromise<DeleteStatus> {
    return this.script({ verb: 'delete', key }, () =>
      deleteStatus(Number(this.entries.delete(key))),
    )
  }
}

/** A failure as a driver would give it. */
export function failure(source = 'scripted'): CacheError<'BACKEND_FAILED'> {
  return new CacheError('BACKEND_FAILED', 'scripted failure', {
    details: { source, operation: 'read' },
  })
}
