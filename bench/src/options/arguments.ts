import { parseArgs } from 'node:util'

/** What was asked for on the command line, checked as far as that can be without knowing cases and contenders. */
export interface Arguments {
  readonly cases: readonly string[]
  readonly only: readonly string[]
  readonly rounds: number
  readonly quick: boolean
  readonly trace: string | undefined
  readonly list: boolean
  readonly page: boolean
  readonly help: boolean
}

/** An argument that cannot be used; the message is the one line to print. */
export class ArgumentError extends Error {}

export const USAGE = `npm run bench -- [--case l1,herd] [--only hitbox,lru-cache] [--rounds N] [--quick] [--trace FILE] [--list] [--page] [--help]

  --case NAMES   runs these cases only
  --only NAMES   of the contenders only these, and the bare parts; a name stands for its variants too ("hitbox" for "hitbox, two tiers")
  --rounds N     counted rounds, an odd number is best (7; quick: 3)
  --quick        small inputs, a few minutes for all: to try the bench out, not to quote
  --trace FILE   requests for the case hit-ratio, which alone runs then: a key per line, or little-endian integers (.u32, .u64)
  --list         names cases and contenders, and runs nothing
  --page         puts the latest whole run into docs/performance.md, and runs nothing`

const MOST_ROUNDS = 1_000
/** The one that reads a trace. */
const TRACE_CASE = 'hit-ratio'

export function parseArguments(words: readonly string[]): Arguments {
  const values = parsed(words)
  const quick = values.quick ?? false
  const cases = names(
    values.case ?? (values.trace === undefined ? [] : [TRACE_CASE]),
    '--case',
    /,/,
  )
  if (values.trace !== undefined && !cases.includes(TRACE_CASE)) {
    throw new ArgumentError(`--trace is for the case ${TRACE_CASE}, which --case leaves out`)
  }
  return {
    cases,
    // A comma that a blank follows belongs to the name of a variant.
    only: names(values.only ?? [], '--only', /,(?! )/),
    rounds: values.rounds === undefined ? (quick ? 3 : 7) : roundsOf(values.rounds),
    quick,
    trace: values.trace,
    list: values.list ?? false,
    page: values.page ?? false,
    help: values.help ?? false,
  }
}

/** Checks names against those there are. */
export function knownNames(
  option: string,
  given: readonly string[],
  known: readonly string[],
): readonly string[] {
  const unknown = given.find((name) => !known.some((one) => standsFor(name, one)))
  if (unknown === undefined) return given
  throw new ArgumentError(`${option}: there is no "${unknown}"; there are ${known.join(' | ')}`)
}

/** Whether `--only given` takes `name` in: itself, and its variants. */
export function standsFor(given: string, name: string): boolean {
  return name === given || name.startsWith(`${given}, `)
}

function parsed(words: readonly string[]) {
  try {
    const { values } = parseArgs({
      // Some ways of passing arguments on leave the separator in.
      args: words[0] === '--' ? words.slice(1) : [...words],
      options: {
        case: { type: 'string', multiple: true },
        only: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        quick: { type: 'boolean' },
        trace: { type: 'string' },
        list: { type: 'boolean' },
        page: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    return values
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new ArgumentError(message.split(/[.\n]/, 1)[0], { cause: error })
  }
}

function names(given: readonly string[], option: string, separator: RegExp): readonly string[] {
  const list = given.flatMap((text) => text.split(separator)).map((name) => name.trim())
  if (list.includes('')) throw new ArgumentError(`${option} must name something between its commas`)
  return [...new Set(list)]
}

function roundsOf(text: string): number {
  const rounds = Number(text)
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MOST_ROUNDS) return rounds
  throw new ArgumentError(`--rounds must be a whole number from 1 to ${MOST_ROUNDS}, got "${text}"`)
}
