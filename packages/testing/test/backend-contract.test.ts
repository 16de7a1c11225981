import { backendContract, type BackendSubject, casesFor, contractReport } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { mapSubject } from './support/map-subject.ts'
import { sharedSubject } from './support/shared-store.ts'

describe('backendContract on a store that is right', () => {
  const subject = mapSubject()
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})

describe('backendContract on a store that others share', () => {
  const subject = sharedSubject()
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})

describe('backendContract on a store without a clock of ours', () => {
  const whole = sharedSubject()
  const subject: BackendSubject = {
    open: ({ onEvent }) => whole.open({ onEvent }),
    capabilities: { ...whole.capabilities, clock: 'it goes by the time of its server' },
  }
  for (const promise of casesFor(backendContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})

describe('backendContract', () => {
  it('has ids that are unique, sorted into groups, and explains each case', () => {
    expect(new Set(backendContract.map(({ id }) => id)).size).toBe(backendContract.length)
    for (const { id, group, title, why } of backendContract) {
      expect(id).toMatch(/^[A-JMN]\d\d$/)
      expect(group).toBeTruthy()
      expect(title).toBeTruthy()
      expect(why).toBeTruthy()
    }
  })

  it('reports what does not apply, with the reason of the subject', () => {
    const { applicable, notApplicable } = contractReport(backendContract, mapSubject())
    expect(applicable.length + notApplicable.length).toBe(backendContract.length)
    expect(notApplicable.find(({ id }) => id === 'H01')).toMatchObject({
      capability: 'faults',
      reason: 'there is no server to break',
    })
  })

  it('takes no silence for a reason', () => {
    const subject = mapSubject()
    for (const peek of [undefined, '', ' ', false]) {
      const capabilities = { ...subject.capabilities, peek: peek as never }
      const silent = { ...subject, capabilities }
      expect(() => contractReport(backendContract, silent)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      )
    }
  })

  it('takes silence for a no where few can do it', () => {
    const { leases, coherence, ...capabilities } = mapSubject().capabilities
    const subject: BackendSubject = { ...mapSubject(), capabilities }
    const { notApplicable } = contractReport(backendContract, subject)
    expect(notApplicable.find(({ id }) => id === 'M01')).toMatchObject({
      capability: 'leases',
      reason: 'nobody says that it has leases',
    })
    expect(notApplicable.find(({ id }) => id === 'N02')).toMatchObject({
      capability: 'coherence',
      reason: 'nobody says that it tells what others change',
    })
    expect([leases, coherence]).toEqual(['nobody shares the map', 'nobody shares the map'])
  })

  it('has a case for every capability', () => {
    const needed = new Set(backendContract.flatMap(({ needs }) => needs))
    expect([...needed].toSorted()).toEqual(Object.keys(mapSubject().capabilities).toSorted())
  })
})
