import { type TierGuard, tierGuard } from '../../src/index.ts'

/** A guard that trusts upper tiers until a moment, as one with a heartbeat would. */
export function guardUntil(until: () => number): TierGuard {
  const own = tierGuard()
  return {
    get trustedUntil() {
      return until()
    },
    beginFill: (key) => own.beginFill(key),
    mayFill: (key, ticket) => own.mayFill(key, ticket),
    beginChange: (key) => own.beginChange(key),
    contended: (key) => own.contended(key),
    endChange: (key) => own.endChange(key),
    changeAll: () => own.changeAll(),
  }
}
