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

export type Verb = 'get' | 'set' | 'delete'

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
  /** The same for keys of the cache's own, whose calls are not noted. @defaultValue at once */
  versionScript: Script
  readonly versions: Map<string, CacheValue<unknown>>
  readonly versionCalls: string[]
  closed: number
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
  versionScript: Script = atOnce
  closed = 0
  readonly versions = new Map<string, CacheValue<unknown>>()
  readonly versionCalls: string[] = []

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
    if (texts.every(isOwn))
      return this.#ownMany(
        'get',
        texts,
        (text) => this.versions.get(text) as CacheValue<T> | undefined,
      )
    this.calls.push(`getMany ${texts.join(',')}`)
    return settleEach(texts, (text) => this.#get<T>(text))
  }

  setMany<T>(entries: Iterable<Entry<T>>): MaybePromise<ItemResult<void>[]> {
    const items = [...entries]
    const texts = items.map(([key]) => keyText(key))
    if (texts.every(isOwn)) {
      const values = new Map(items.map(([key, value]) => [keyText(key), value]))
      return this.#ownMany(
        'set',
        texts,
        (text) => void this.versions.set(text, values.get(text) as CacheValue<unknown>),
      )
    }
    this.calls.push(`setMany ${texts.join(',')}`)
    return settleEach(items, (item) => this.#set(item))
  }

  deleteMany(keys: Iterable<KeyInput>): MaybePromise<ItemResult<DeleteStatus>[]> {
    const texts = Array.from(keys, keyText)
    this.calls.push(`deleteMany ${texts.join(',')}`)
    return settleEach(texts, (text) => this.#delete(text))
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
    const [script, entries] = this.#part(key)
    return script({ verb: 'get', key }, () => entries.get(key) as CacheValue<T> | undefined)
  }

  #set([key, value]: Entry): MaybePromise<void> {
    const text = keyText(key)
    const [script, entries] = this.#part(text)
    return script({ verb: 'set', key: text }, () => void entries.set(text, value))
  }

  /** Keys of the cache's own, in one step. */
  #ownMany<R>(
    verb: Verb,
    texts: readonly string[],
    effect: (text: string) => R,
  ): MaybePromise<ItemResult<R>[]> {
    this.versionCalls.push(`${verb} ${texts.join(',')}`)
    return this.versionScript({ verb, key: texts.join(',') }, () =>
      texts.map((text) => ({ ok: true, value: effect(text) }) as const),
    )
  }

  #part(key: string): readonly [Script, Map<string, CacheValue<unknown>>] {
    return isOwn(key) ? [this.versionScript, this.versions] : [this.script, this.entries]
  }

  #delete(key: string): MaybePromise<DeleteStatus> {
    return this.script({ verb: 'delete', key }, () =>
      deleteStatus(Number(this.entries.delete(key))),
    )
  }
}

function isOwn(key: string): boolean {
  return key.startsWith('::')
}

/** A failure as a driver would give it. */
export function failure(source = 'scripted'): CacheError<'BACKEND_FAILED'> {
  return new CacheError('BACKEND_FAILED', 'scripted failure', {
    details: { source, operation: 'read' },
  })
}
