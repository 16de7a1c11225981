import { describe, expect, it } from 'vitest'
import { Failures } from '../src/failures.ts'
import { Flight } from '../src/flight/flight.ts'
import { policyOf } from '../src/policy.ts'

const flight = (text: string): Flight =>
  new Flight(text, {
    blank: false,
    refresh: false,
    startedAt: 0,
    sight: { turn: 0, clock: undefined, marks: undefined },
  })

describe('Failures', () => {
  it('remembers 10,000 keys, the latest', () => {
    const failures = new Failures()
    const policy = policyOf({ retryAfter: '1s' })
    for (let key = 0; key < 10_001; key += 1) failures.note(flight(`k${key}`), 'no', policy, 0)
    expect(failures.get('k0')).toBeUndefined()
    expect(failures.get('k1')).toBeDefined()
    expect(failures.get('k10000')).toMatchObject({ streak: 1, retryAt: 1_000 })
    failures.note(flight('k1'), 'no', policy, 5_000)
    expect(failures.get('k1')).toMatchObject({ streak: 2, retryAt: 7_000 })
  })
})
