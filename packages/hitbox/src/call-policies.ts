import type { CallOptions, ReadOptions, WriteOptions } from './cache.ts'
import { overridden, type Policy, POLICY_OPTIONS, requireTtl } from './policy.ts'

const CALL: readonly string[] = [...POLICY_OPTIONS, 'signal', 'fresh']
const READ: readonly string[] = ['schema']
const WRITE: readonly string[] = ['ttl', 'staleAfter', 'staleIfError', 'jitter', 'absenceTtl']

/** The policy of a call: that of the cache, with what the call sets for itself. Names are checked. */
export class CallPolicies {
  readonly #base: Policy

  constructor(base: Policy) {
    this.#base = base
  }

  /** @param more - Names of options that only this call takes. */
  forLoad(call: string, options: CallOptions | undefined, more: readonly string[] = []): Policy {
    return withTtl(this.#over(call, options, [...CALL, ...more]))
  }

  forRead(call: string, options: ReadOptions | undefined): Policy {
    return this.#over(call, options, READ)
  }

  forWrite(call: string, options: WriteOptions | undefined): Policy {
    return withTtl(this.#over(call, options, WRITE))
  }

  #over(call: string, options: object | undefined, names: readonly string[]): Policy {
    return options === undefined ? this.#base : overridden(call, options, names, this.#base)
  }
}

function withTtl(policy: Policy): Policy {
  requireTtl(policy)
  return policy
}
