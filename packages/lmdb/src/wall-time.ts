/**
 * The machine's wall clock in ms: the one clock that all processes on it share, over restarts too. What is stored carries this
 * time; nothing else uses it. A clock set forward ends lives early, and one set back never makes a life longer than its ttl from now.
 */
export function wallTime(): number {
  // oxlint-disable-next-line no-restricted-properties -- a process's monotonic clock means nothing to the next process
  return Date.now()
}
