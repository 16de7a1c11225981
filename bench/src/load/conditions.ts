import type { Fault } from '@hitbox/testing'

/** How Redis fares while callers come. */
export interface Condition {
  readonly name: string
  readonly fault: Fault
  /** Whether it is so from the first call on, or from the middle of the phase on, when all connections are in use. */
  readonly from: 'start' | 'middle'
}

export const CONDITIONS: readonly Condition[] = [
  { name: 'Redis healthy', fault: 'pass', from: 'start' },
  { name: 'Redis slow: answers come 5 ms later', fault: { delay: '5ms' }, from: 'start' },
  {
    name: 'Redis frozen: connections stay open, no answers',
    fault: 'black-hole',
    from: 'middle',
  },
  { name: 'Redis dead: connections closed, then refused', fault: 'refuse', from: 'middle' },
]
