import { batchBoundCases } from './backend/batch-bounds.ts'
import { batchContextCases } from './backend/batch-contexts.ts'
import { batchCases } from './backend/batches.ts'
import { clearingCases } from './backend/clearing.ts'
import { coherenceCases } from './backend/coherence.ts'
import { concurrencyCases } from './backend/concurrency.ts'
import { corruptionCases } from './backend/corruption.ts'
import { failureCases } from './backend/failure.ts'
import { hitOrMissCases } from './backend/hit-or-miss.ts'
import { honestyCases } from './backend/honesty.ts'
import { keyCases } from './backend/keys.ts'
import { leaseTakeoverCases } from './backend/lease-takeovers.ts'
import { leaseCases } from './backend/leases.ts'
import { lifecycleCases } from './backend/lifecycle.ts'
import { roundTripCases } from './backend/round-trip.ts'
import { timeCases } from './backend/time.ts'
import type { BackendCase } from './backend-subject.ts'

/**
 * What every backend promises, as data. Choose the cases that apply with {@link casesFor}, and give each to your test runner.
 *
 * The letters of the ids are groups: A entry round trip, B hit or miss, C keys, D time, E batches, F clearing, G concurrency,
 * H failure, I lifecycle, J honesty, M leases, N coherence. Those of M and N apply to those who say so.
 */
export const backendContract: readonly BackendCase[] = Object.freeze([
  ...roundTripCases,
  ...hitOrMissCases,
  ...keyCases,
  ...timeCases,
  ...batchCases,
  ...batchBoundCases,
  ...batchContextCases,
  ...clearingCases,
  ...concurrencyCases,
  ...failureCases,
  ...corruptionCases,
  ...lifecycleCases,
  ...honestyCases,
  ...leaseCases,
  ...leaseTakeoverCases,
  ...coherenceCases,
])
