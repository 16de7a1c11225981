import { knownOptions } from '@hitbox/core'
import type { BatchOptions } from './batch/batch-api.ts'
import type { CallOptions, NamespaceOptions, ReadOptions, WriteOptions } from './cache.ts'
import type { FnOptions } from './function/cached-function.ts'
import { type Policy, POLICY_OPTIONS, type PolicyOptions, policyOf, requireTtl } from './policy.ts'

const CALL: readonly string[] = [...POLICY_OPTIONS, 'signal', 'reload']
const BATCH: readonly string[] = [...CALL, 'key']
const READ: readonly string[] = ['schema', 'fresh']
const WRITE: readonly string[] = [
  'ttl',
  'staleAfter',
  'staleIfError',
  'jitter',
  'absenceTtl',
  'tags',
]

/** The policy of a call: that of the cache, with what the call sets for itself. Names are checked. */
export class CallPolicies {
  readonly #base: Policy
  readonly #requireTags: () => void

  /** @param requireTags - Throws when tags cannot work. */
  constructor(base: Policy, requireTags: () => void) {
    this.#base = base
    this.#requireTags = requireTags
  }

  forLoad(call: string, options: CallOptions | undefined): Policy {
    return withTtl(this.#over(call, options, CALL))
  }

  forBatch(options: BatchOptions<never, unknown> | undefined): Policy {
    return withTtl(this.#over('getOrLoadMany', options, BATCH))
  }

  forRead(call: string, options: ReadOptions | undefined): Policy {
    return this.#over(call, options, READ)
  }

  forWrite(call: string, options: WriteOptions | undefined): Policy {
    return withTtl(this.#over(call, options, WRITE))
  }

  /** @param options - Names are checked by who calls. */
  forFunction<T>(options: FnOptions<never, T>, loads: boolean): Policy {
    const policy = policyOf(this.#plain(options), this.#base)
    return loads ? withTtl(policy) : policy
  }

  forNamespace(options: Omit<NamespaceOptions, 'version'>): Policy {
    return this.#over('namespace', options, POLICY_OPTIONS)
  }

  #over(call: string, options: object | undefined, names: readonly string[]): Policy {
    if (options === undefined) return this.#base
    knownOptions(call, options, names)
    return policyOf(this.#plain(options), this.#base)
  }

  /** Tags that are made for each item or call are not the policy's. */
  #plain(options: PolicyOptions | Tagged): PolicyOptions {
    if (options.tags !== undefined) this.#requireTags()
    if (typeof options.tags !== 'function') return options as PolicyOptions
    return { ...options, tags: undefined }
  }
}

interface Tagged {
  readonly tags?: readonly string[] | ((...args: never) => readonly string[]) | undefined
}

function withTtl(policy: Policy): Policy {
  requireTtl(policy)
  return policy
}
