import { CacheError, type Clock } from '@hitbox/core'
import { probeTag } from './cluster/probe-tag.ts'
import { probeKey, testTracking } from './coherence/self-test.ts'
import { factsOf, type SessionFacts } from './session-facts.ts'
import { type ClientSession, refusable, type Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/** Who greets, and whom. */
export interface GreetingTerms {
  readonly clock: Clock
  readonly sessions: Sessions
  /** Whether the server has some keys only. */
  readonly clustered: boolean
}

/**
 * Asks a server that was just connected to who it is, and has it tell changes where that is wanted, in one write: two where it has some
 * keys only, since it must say first which. What it refuses is left out.
 *
 * @throws {@link CacheError} `UNSUPPORTED` when it must track and cannot; anything when the connection is lost.
 */
export async function greet(session: ClientSession, terms: GreetingTerms): Promise<void> {
  const { clock, sessions, clustered } = terms
  const wanted = sessions.tracking !== 'unwanted'
  const facts = askFacts(session)
  if (wanted && !clustered) {
    await Promise.all([testTracking(session, clock, probeKey()), facts])
    session.facts = await facts
  } else {
    session.keepTime()
    session.facts = await facts
    if (wanted) await testTracking(session, clock, await ownKey(session))
  }
  demandTracking(session, sessions)
}

/** Tests what {@link greet} does not, where tracking is wanted later than the connection. */
export async function trackLate(session: Session, terms: GreetingTerms): Promise<void> {
  if (!session.tracking.tried) {
    const key = terms.clustered ? await ownKey(session) : probeKey()
    await testTracking(session, terms.clock, key)
  }
  demandTracking(session, terms.sessions)
}

/** @throws when the connection is lost. */
export async function askFacts(session: Session): Promise<SessionFacts> {
  const [server, replication, id] = await Promise.all([
    refusable(session.send(['INFO', 'server'])),
    refusable(session.send(['INFO', 'replication'])),
    refusable(session.send(['CLIENT', 'ID'])),
  ])
  return factsOf(server, replication, id)
}

/** A key that the server has, if it says which it has. */
async function ownKey(session: Session): Promise<string | undefined> {
  const tag = probeTag(await refusable(session.send(['CLUSTER', 'NODES'])))
  return tag === undefined ? undefined : probeKey(tag)
}

function demandTracking(session: Session, sessions: Sessions): void {
  if (sessions.tracking !== 'demanded' || session.tracking.on) return
  const feature = 'CLIENT TRACKING'
  throw new CacheError(
    'UNSUPPORTED',
    `option "coherence" asks for tracking, and the server, or what stands before it, does not tell changes`,
    { details: { feature } },
  )
}
