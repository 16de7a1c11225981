export { type Deferred, deferred } from './deferred.ts'
export { type ManualClock, manualClock, type ManualClockOptions } from './manual-clock.ts'
