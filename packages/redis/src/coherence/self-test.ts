import { randomBytes } from 'node:crypto'
import type { Clock } from '@hitbox/core'
import { refusable, type Session, type Word } from '../session.ts'

const PROBE = '::hitbox:probe:'
/** Long enough to be read once. */
const PROBE_MS = '1000'

/** A key that nobody else uses. @param tag - What decides the slot, where there are several. */
export function probeKey(tag?: string): string {
  const id = randomBytes(6).toString('hex')
  return tag === undefined ? PROBE + id : `${PROBE}${id}:{${tag}}`
}

/**
 * Turns tracking on and finds out, in one write, whether a change is told before what is answered after it: proxies and some services
 * accept `CLIENT TRACKING` and tell nothing. Where the probe is refused, as by a server that is full, its word is taken.
 * From then on own changes are not told.
 *
 * @param probe - Left out where there is no key that could be used.
 * @throws when the connection is lost.
 */
export async function testTracking(
  session: Session,
  clock: Clock,
  probe: string | undefined,
): Promise<void> {
  const { tracking } = session
  const ask = async (...words: Word[]): Promise<boolean> =>
    (await refusable(session.send(words))) !== undefined
  const since = clock.now()
  tracking.expect(probe)
  const on = ask('CLIENT', 'TRACKING', 'ON')
  const tried =
    probe === undefined
      ? false
      : Promise.all([
          session.send(['GET', probe]),
          session.send(['SET', probe, '1', 'PX', PROBE_MS]),
        ]).then(
          () => true,
          () => false,
        )
  const time = session.askTime().then((toldAt) => ({ toldAt, seen: tracking.seen }))
  const quiet = ask('CLIENT', 'TRACKING', 'ON', 'NOLOOP')
  const [isOn, isTried, { toldAt, seen }, isQuiet] = await Promise.all([on, tried, time, quiet])
  tracking.on = isOn && isQuiet && (seen || !isTried)
  tracking.since = since
  if (toldAt !== undefined) tracking.toldAt = toldAt
}
