import { describe, expect, it } from 'vitest'
import {
  ArgumentError,
  knownNames,
  parseArguments,
  standsFor,
} from '../../src/options/arguments.ts'

describe('parseArguments', () => {
  it('runs all cases with seven rounds unless told otherwise', () => {
    expect(parseArguments([])).toEqual({
      cases: [],
      only: [],
      rounds: 7,
      quick: false,
      trace: undefined,
      list: false,
      page: false,
      help: false,
    })
  })

  it('takes several names, by commas and by repetition, and each once', () => {
    const { cases, only } = parseArguments([
      '--case',
      'l1,herd',
      '--case=l2,l1',
      '--only',
      'hitbox, two tiers,lru-cache',
    ])
    expect(cases).toEqual(['l1', 'herd', 'l2'])
    expect(only).toEqual(['hitbox, two tiers', 'lru-cache'])
  })

  it('does fewer rounds when quick, or as many as it is told', () => {
    expect(parseArguments(['--quick']).rounds).toBe(3)
    expect(parseArguments(['--quick', '--rounds', '5']).rounds).toBe(5)
  })

  it('runs hit-ratio alone for a trace', () => {
    expect(parseArguments(['--trace', 'a.u32'])).toMatchObject({
      cases: ['hit-ratio'],
      trace: 'a.u32',
    })
  })

  it('passes over the separator that some ways of calling leave in', () => {
    expect(parseArguments(['--', '--quick']).quick).toBe(true)
  })

  it.each([
    [['--rounds', '0'], /--rounds must be a whole number/],
    [['--rounds', 'many'], /--rounds must be a whole number from 1 to 1000, got "many"/],
    [['--case', 'l1,,l2'], /--case must name something/],
    [['--what'], /--what/],
    [['l1'], /l1/],
    [['--trace'], /--trace/],
    [['--trace', 'a', '--case', 'l1'], /--trace is for the case hit-ratio/],
  ])('refuses %j in one line', (words, message) => {
    expect(() => parseArguments(words)).toThrow(ArgumentError)
    expect(() => parseArguments(words)).toThrow(message)
    try {
      parseArguments(words)
    } catch (error) {
      expect((error as Error).message).not.toContain('\n')
    }
  })
})

describe('names', () => {
  it('stand for their variants, not for others that begin alike', () => {
    expect(standsFor('hitbox', 'hitbox, two tiers')).toBe(true)
    expect(standsFor('cache', 'cache-manager')).toBe(false)
    expect(standsFor('hitbox, two tiers', 'hitbox')).toBe(false)
  })

  it('that nobody has are refused with those there are', () => {
    expect(knownNames('--only', ['hitbox'], ['hitbox, Redis'])).toEqual(['hitbox'])
    expect(() => knownNames('--case', ['l3'], ['l1', 'l2'])).toThrow(
      '--case: there is no "l3"; there are l1 | l2',
    )
  })
})
