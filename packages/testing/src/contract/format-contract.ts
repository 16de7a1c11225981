import type { FormatCase } from './format-subject.ts'
import { encodingCases } from './format/encoding.ts'
import { keptValueCases } from './format/kept-values.ts'

/**
 * What every format promises, as data: group K. From K101 on, one case for each kind of value: it must come back the same,
 * become what the subject documents, or be refused with `ENCODE_FAILED`.
 */
export const formatContract: readonly FormatCase[] = Object.freeze([
  ...encodingCases,
  ...keptValueCases,
])
