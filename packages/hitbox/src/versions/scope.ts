import type { Keyspace } from '../keyspace.ts'

/** Versions by name, as an entry carries them. */
export type Marks = Readonly<Record<string, string>>

/** One namespace with what is known of its versions at the moment. */
export class Scope {
  readonly keyspace: Keyspace
  /** Versions of the namespaces alone; the same object until one changes. */
  marks: Marks | undefined
  /** {@link Register.spaceTurn} for which `marks` holds. */
  turn = 0
  /** Until then a hit need not look at when the versions were learned. */
  trustedUntil = 0
  /** {@link Register.trackTurn} for which that holds. */
  trustTurn = 0
  /** {@link Register.trackTurn} for which changes of all its versions are told. */
  trackedTurn = 0
  /** {@link Register.sureTurn} for which whatever carries just `marks` may be handed out. */
  sureTurn = 0
  /** {@link Register.turn} for which other marks were found to be the current ones, where a change of any would be told. */
  readonly sure: WeakMap<Marks, number> = new WeakMap()

  constructor(keyspace: Keyspace) {
    this.keyspace = keyspace
  }
}

/** Whether two entries carry the same versions. */
export function sameMarks(some: Marks, others: Marks): boolean {
  const names = Object.keys(others)
  return (
    Object.keys(some).length === names.length && names.every((name) => some[name] === others[name])
  )
}
