import { type DurationInput, invalidOption, toDuration, toTimeout, wholeNumber } from '@hitbox/core'

/** Which way bytes travel. */
export type Direction = 'to-server' | 'to-client'

/**
 * What a proxy does to its connections, those that exist and those to come:
 * - `'pass'`: nothing. What a stall, a delay or a black hole held back goes on its way.
 * - `'refuse'`: nobody listens; existing connections are closed.
 * - `'black-hole'`: connections are accepted, and nothing comes through either way.
 * - `'reset'`: connections are reset, new ones as soon as they are accepted.
 * - `'garbage'`: every byte from the server arrives inverted.
 * - `{ delay }`: what the server says arrives that much later.
 * - `{ jitter }`: each piece of what the server says arrives up to that much later, in the same order; the same series of
 *   delays in every proxy.
 * - `{ cutAfter }`: the connection is closed after so many bytes from the server; existing ones are counted from now on.
 * - `{ stall }`: nothing comes through in one direction.
 */
export type Fault =
  | 'pass'
  | 'refuse'
  | 'black-hole'
  | 'reset'
  | 'garbage'
  | { readonly delay: DurationInput }
  | { readonly jitter: DurationInput }
  | { readonly cutAfter: number }
  | { readonly stall: Direction }

/** A fault in a shape that needs no more questions. */
export interface Behaviour {
  readonly listens: boolean
  readonly resets: boolean
  readonly held: readonly Direction[]
  readonly inverts: boolean
  readonly delayMs: number
  /** Most that is added to the delay, by chance. */
  readonly jitterMs: number
  /** `Infinity` for no cut. */
  readonly cutAfter: number
}

const PASS: Behaviour = Object.freeze({
  listens: true,
  resets: false,
  held: Object.freeze([]),
  inverts: false,
  delayMs: 0,
  jitterMs: 0,
  cutAfter: Number.POSITIVE_INFINITY,
})

export function behaviourOf(fault: Fault): Behaviour {
  if (typeof fault === 'object' && fault !== null) {
    if ('delay' in fault) return { ...PASS, delayMs: toDuration(fault.delay, 'delay') }
    if ('jitter' in fault) return { ...PASS, jitterMs: toTimeout(fault.jitter, 'jitter') }
    if ('cutAfter' in fault)
      return { ...PASS, cutAfter: wholeNumber('cutAfter', fault.cutAfter, { min: 0 }) }
    if ('stall' in fault && (fault.stall === 'to-server' || fault.stall === 'to-client'))
      return { ...PASS, held: [fault.stall] }
    throw invalidOption('fault', EXPECTED, fault)
  }
  switch (fault) {
    case 'pass':
      return PASS
    case 'refuse':
      return { ...PASS, listens: false }
    case 'black-hole':
      return { ...PASS, held: ['to-server', 'to-client'] }
    case 'reset':
      return { ...PASS, resets: true }
    case 'garbage':
      return { ...PASS, inverts: true }
    default:
      throw invalidOption('fault', EXPECTED, fault satisfies never)
  }
}

const EXPECTED =
  "'pass', 'refuse', 'black-hole', 'reset', 'garbage', { delay }, { jitter }, { cutAfter } or { stall: 'to-server' | 'to-client' }"
