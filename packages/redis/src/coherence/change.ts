import type { StoreKey } from '@hitbox/core'
import { replyCode } from '../failure.ts'
import { refusable, type Reply, type Session, type Word } from '../session.ts'
import type { Audience } from './audience.ts'

/** Commands of one change of a key, sent at once. */
export interface ChangeCommands {
  readonly key: StoreKey
  /** What changes it. */
  readonly commands: readonly (readonly Word[])[]
  /** What looks at it afterwards, and may be refused. */
  readonly look?: readonly Word[] | undefined
  /** Whether nobody may see the commands done in part. */
  readonly whole: boolean
}

/**
 * Sends a change, and in the same transaction the message to those whom the server does not tell. Where messages are denied, the
 * change is made all the same, from then on without them.
 *
 * @returns the replies, with that of the look as the last: `undefined` when it was refused.
 */
export async function change(
  session: Session,
  { key, commands, look, whole }: ChangeCommands,
  audience: Audience,
): Promise<readonly (Reply | undefined)[]> {
  const looks = look === undefined ? [] : [look]
  if (audience.publishes(session)) {
    try {
      const all = [...commands, ...looks, audience.message(key)]
      return (await session.transaction(all)).slice(0, -1)
    } catch (error) {
      // Nothing of it was done.
      if (replyCode(error) !== 'NOPERM') throw error
      session.tracking.mute = true
    }
  }
  if (whole) return session.transaction([...commands, ...looks])
  return Promise.all([
    ...commands.map((words) => session.send(words)),
    ...looks.map((words) => refusable(session.send(words))),
  ])
}
