import { invalidOption } from '@hitbox/core'
import type { ContractCase, ContractSubject } from './contract-case.ts'

/** A case that is not run, and the subject's own words for why. */
export interface NotApplicable {
  readonly id: string
  readonly title: string
  readonly capability: string
  readonly reason: string
}

/** What a contract means for one subject. Nothing of it is skipped in silence. */
export interface ContractReport<Case> {
  readonly applicable: readonly Case[]
  readonly notApplicable: readonly NotApplicable[]
}

/**
 * Splits a contract into what applies to a subject and what does not, with reasons.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when the subject neither has a capability that a case needs nor says why.
 */
export function contractReport<
  Capability extends string,
  Subject extends ContractSubject<Capability>,
>(
  contract: readonly ContractCase<Subject, Capability>[],
  subject: Subject,
): ContractReport<ContractCase<Subject, Capability>> {
  const applicable: ContractCase<Subject, Capability>[] = []
  const notApplicable: NotApplicable[] = []
  for (const promise of contract) {
    const lacking = promise.needs.find((need) => lacks(promise, subject, need))
    if (lacking === undefined) applicable.push(promise)
    else {
      const reason = (subject.capabilities[lacking] ?? promise.unlessSaid) as string
      notApplicable.push({ id: promise.id, title: promise.title, capability: lacking, reason })
    }
  }
  return { applicable, notApplicable }
}

/**
 * The cases of a contract that apply to a subject.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { backendContract, type BackendSubject, casesFor } from '@hitbox/testing'
 *
 * export function prove(subject: BackendSubject): void {
 *   for (const promise of casesFor(backendContract, subject)) {
 *     void test(`${promise.id} ${promise.title}`, () => promise.run(subject))
 *   }
 * }
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when the subject neither has a capability that a case needs nor says why.
 */
export function casesFor<Capability extends string, Subject extends ContractSubject<Capability>>(
  contract: readonly ContractCase<Subject, Capability>[],
  subject: Subject,
): readonly ContractCase<Subject, Capability>[] {
  return contractReport(contract, subject).applicable
}

function lacks<Capability extends string>(
  promise: ContractCase<never, Capability>,
  subject: ContractSubject<Capability>,
  need: Capability,
): boolean {
  const capability = subject.capabilities[need] ?? promise.unlessSaid
  if (typeof capability === 'string' && capability.trim() !== '') return true
  if (typeof capability !== 'string' && capability !== undefined && capability !== false)
    return false
  throw invalidOption(`capabilities.${need}`, 'given, or a reason why it is not', capability)
}
