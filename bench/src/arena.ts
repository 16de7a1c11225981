import { availableDatabases } from './inputs/shared-redis.ts'
import { labelOf, type Open, type Place, type Setting, type Subject } from './contender.ts'
import type { BenchOptions } from './contract.ts'
import type { Wanted } from './programs/open-contender.ts'
import type { Registered } from './registry.ts'

/** Who can take part in something, and how. */
export interface Entrant {
  readonly label: string
  readonly contender: Registered
  readonly setting: Setting
  readonly open: Open
}

export interface Opened extends Entrant {
  readonly subject: Subject
  /** As in {@link Place}. */
  readonly prefix: string
}

/** All ways of all contenders in these settings that `--only` leaves; bare parts always. */
export function entrants(
  contenders: readonly Registered[],
  settings: readonly Setting[],
  options: BenchOptions,
): readonly Entrant[] {
  return contenders.flatMap((contender) =>
    settings.flatMap((setting) => {
      const open = contender.settings[setting]
      const label = labelOf(contender, setting)
      if (open === undefined) return []
      return options.takesPart(label, contender.bare) ? [{ label, contender, setting, open }] : []
    }),
  )
}

/** How a program finds it. */
export function wanted({ contender: { file, name }, setting }: Entrant): Wanted {
  return { file, name, setting }
}

export interface Arena extends AsyncDisposable {
  readonly opened: readonly Opened[]
  /** Who could not be opened or filled, and why: for the notes of the table. */
  readonly notes: readonly string[]
}

/** What is the same for all of an arena. */
export type Ground = Omit<Place, 'redisUrl' | 'prefix'> & { readonly redisUrl?: string | undefined }

/** Opens all, each with a database of its own, and lets each `fill` itself. */
export async function openArena(
  who: readonly Entrant[],
  ground: Ground,
  fill: (opened: Opened) => Promise<unknown>,
): Promise<Arena> {
  const opened: Opened[] = []
  const notes: string[] = []
  if (who.length > availableDatabases) throw new Error('more contenders than databases')
  for (const [index, entrant] of who.entries()) {
    const shared = ground.redisUrl !== undefined
    const redisUrl = shared ? `${ground.redisUrl}/${index}` : ''
    const prefix = shared ? `${index}:` : ''
    try {
      const subject = await entrant.open({ ...ground, redisUrl, prefix })
      const one = { ...entrant, subject, prefix }
      opened.push(one)
      await fill(one)
    } catch (error) {
      notes.push(`${entrant.label} took no part: ${String(error)}`)
      const failed = opened.findIndex(({ label }) => label === entrant.label)
      if (failed !== -1) await opened.splice(failed, 1)[0]?.subject.close()
    }
  }
  return {
    opened,
    notes,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(opened.map(async ({ subject }) => subject.close()))
    },
  }
}
