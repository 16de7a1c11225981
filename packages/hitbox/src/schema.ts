import type { CacheValue, MaybePromise } from '@hitbox/core'
import { chain } from '@hitbox/core'

/** @inline */
type Validation<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] }

/** What this cache needs of a [Standard Schema](https://standardschema.dev), version 1: any library that implements it will do. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    /** Asked about a value as it came out of a tier. */
    readonly validate: (value: unknown) => MaybePromise<Validation<Output>>
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/** Checks what comes out of tiers. An entry that a tier hands out again and again is validated once per schema. */
export class SchemaChecks {
  readonly #seen = new WeakMap<StandardSchema, WeakMap<CacheValue<unknown>, Verdict>>()

  /** @returns the entry with what the schema made of its data, or why it is refused; never throws or rejects. */
  check(schema: StandardSchema, entry: CacheValue<unknown>): MaybePromise<Verdict> {
    let verdicts = this.#seen.get(schema)
    if (verdicts === undefined) {
      verdicts = new WeakMap()
      this.#seen.set(schema, verdicts)
    }
    const known = verdicts.get(entry)
    if (known !== undefined) return known
    const kept = verdicts
    return chain(validate(schema, entry), (verdict) => {
      kept.set(entry, verdict)
      return verdict
    })
  }
}

export type Verdict =
  | { readonly ok: true; readonly entry: CacheValue<unknown> }
  | { readonly ok: false; readonly error: unknown }

function validate(schema: StandardSchema, entry: CacheValue<unknown>): MaybePromise<Verdict> {
  const refused = (error: unknown): Verdict => ({ ok: false, error })
  const judge = (result: Validation<unknown>): Verdict => {
    if (result.issues !== undefined) return refused(result.issues)
    const { staleAt, expiresAt, meta } = entry
    const same = result.value === entry.data
    return { ok: true, entry: same ? entry : { data: result.value, staleAt, expiresAt, meta } }
  }
  try {
    const result = schema['~standard'].validate(entry.data)
    return result instanceof Promise ? result.then(judge).catch(refused) : judge(result)
  } catch (error) {
    return refused(error)
  }
}
