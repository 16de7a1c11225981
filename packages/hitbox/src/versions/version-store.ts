import { randomBytes } from 'node:crypto'
import {
  type CacheBackend,
  CacheError,
  type CacheValue,
  type Clock,
  createContext,
  failed,
  type ItemResult,
  type Leases,
  type MaybePromise,
  succeeded,
  unwrap,
} from '@hitbox/core'
import { isNamespace, isTag, versionKey } from '../keyspace.ts'

/**
 * How long the version of a tag is kept in the tiers without being changed: when it is gone, what carries the tag is made anew.
 * Those of namespaces are few, and kept.
 */
export const TAG_LIFE_MS: number = 30 * 24 * 60 * 60 * 1_000

/** Who is about to give a version has done so after one round trip; each try takes one. */
const MOST_TRIES = 100

/** Versions as the lowest tier keeps them, for all who share it. Never fails; an answer that is none is `undefined` with its error. */
export class VersionStore {
  readonly #tier: CacheBackend
  readonly #root: string
  readonly #clock: Clock
  readonly #inTime: <R>(operation: 'read' | 'write', answer: MaybePromise<R>) => MaybePromise<R>

  constructor(
    tier: CacheBackend,
    root: string,
    clock: Clock,
    inTime: <R>(operation: 'read' | 'write', answer: MaybePromise<R>) => MaybePromise<R>,
  ) {
    this.#tier = tier
    this.#root = root
    this.#clock = clock
    this.#inTime = inTime
  }

  /** The key in the tier of a version. */
  keyOf(name: string): string {
    return versionKey(this.#root, name)
  }

  /** @returns versions in the order of the names; `undefined` where there is none, the failure where that cannot be told. @throws what the tier failed with as a whole. */
  async read(names: readonly string[]): Promise<ItemResult<string | undefined>[]> {
    const keys = names.map((name) => versionKey(this.#root, name))
    const contexts = keys.map(() => createContext())
    const results = await this.#inTime('read', this.#tier.getMany(keys, { contexts }))
    return results.map((result, index): ItemResult<string | undefined> => {
      // Written by a later version of this program, which goes by it: not to be replaced.
      const newer = contexts[index]?.missReason === 'newer-version'
      if (newer) return failed(unreadable(this.#tier.label))
      if (!result.ok) return result
      const data = result.value?.data
      // Whatever else lies there is not ours, and to be replaced.
      return succeeded(typeof data === 'string' ? data : undefined)
    })
  }

  /**
   * Gives versions to names that have none, unless somebody else is faster.
   *
   * @returns the versions that they have from now on, in their order.
   * @throws what the tier failed with.
   */
  async first(names: readonly string[]): Promise<string[]> {
    const { leases } = this.#tier
    if (leases === undefined) {
      const versions = names.map((name) => [name, firstVersion(name)] as const)
      await this.write(versions)
      return versions.map(([, version]) => version)
    }
    return Promise.all(names.map((name) => this.#first(leases, name)))
  }

  async #first(leases: Leases, name: string): Promise<string> {
    let over: CacheValue<unknown> | undefined
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const request = { over }
      const answer = await this.#inTime('read', leases.take(this.keyOf(name), request))
      if (answer.is === 'granted') {
        const version = firstVersion(name)
        const filled = this.#inTime('write', leases.fill(answer.lease, this.#entry(name, version)))
        if ((await filled) !== undefined) return version
      } else if (answer.is === 'found') {
        const { data } = answer.value
        if (typeof data === 'string') return data
        // Not ours, and to be replaced.
        over = answer.value
      } else if (answer.is === 'refused') break
    }
    throw unreadable(this.#tier.label)
  }

  #entry(name: string, version: string): CacheValue<string> {
    const expiresAt = isTag(name) ? this.#clock.now() + TAG_LIFE_MS : Number.POSITIVE_INFINITY
    return { data: version, staleAt: expiresAt, expiresAt }
  }

  /** @throws what the tier failed with; what it holds is then unknown. */
  async write(versions: readonly (readonly [name: string, version: string])[]): Promise<void> {
    const entries = versions.map(
      ([name, version]) => [this.keyOf(name), this.#entry(name, version)] as const,
    )
    const results = await this.#inTime('write', this.#tier.setMany(entries))
    for (const result of results) unwrap(result)
  }
}

/** A version that no other is like. */
function newVersion(): string {
  return randomBytes(9).toString('base64url')
}

const FIRST = '0'

/** A version for something that had none. */
function firstVersion(name: string): string {
  return isNamespace(name) ? FIRST + newVersion() : newVersion()
}

/** Whether a namespace of this version was never cleared, as far as its store remembers: entries that carry no version are then its own. */
export function isFirst(version: string): boolean {
  return version.startsWith(FIRST)
}

/** What changes a version. A namespace that was cleared does not look as if it never had been. */
export function nextVersion(): string {
  return `1${newVersion()}`
}

function unreadable(source: string): CacheError<'BACKEND_FAILED'> {
  const message = `"${source}" has versions that only a later version of this program can read`
  return new CacheError('BACKEND_FAILED', message, { details: { source, operation: 'read' } })
}
