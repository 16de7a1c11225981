import type { Format } from '@hitbox/core'
import type { ContractCase, Reason } from './contract-case.ts'
import type { ValueKind } from './format/value-kinds.ts'

/** What {@link formatContract} is run against. */
export interface FormatSubject {
  readonly format: Format
  /**
   * What values of some kinds become, as the format documents it. A kind that is not here must come back the same, or be
   * refused by `encode`. @defaultValue none
   */
  readonly conversions?: Readonly<Partial<Record<ValueKind, unknown>>> | undefined
  readonly capabilities: FormatCapabilities
}

/** What not every format can do. Each is given, or refused with a reason. */
export interface FormatCapabilities {
  /** Equal values become equal bytes. */
  readonly stable: true | Reason
}

/** Name of one of the {@link FormatCapabilities}. */
export type FormatCapability = keyof FormatCapabilities

/** One promise that every format keeps. */
export type FormatCase = ContractCase<FormatSubject, FormatCapability>
