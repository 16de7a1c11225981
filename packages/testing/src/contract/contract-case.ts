/** One promise, as data: any test runner can drive it. */
export interface ContractCase<Subject, Capability extends string = string> {
  /** A letter for the group and a number. Never reused, so that a report can be compared with an older one. */
  readonly id: string
  /** What the letter stands for. */
  readonly group: string
  readonly title: string
  /** What goes wrong in a cache that breaks the promise. */
  readonly why: string
  /** What a subject must be able to do for the case to apply. */
  readonly needs: readonly Capability[]
  /** The reason where a subject says nothing of a capability that is needed here. Left out, it must say something. */
  readonly unlessSaid?: Reason | undefined
  /** Rejects with what `node:assert` throws when the promise is broken. */
  run(subject: Subject): Promise<void>
}

/** A word of explanation instead of a capability. */
export type Reason = string

/** What cases are run against: it has every capability, or says why not. */
export interface ContractSubject<Capability extends string> {
  readonly capabilities: Readonly<Partial<Record<Capability, unknown>>>
}
