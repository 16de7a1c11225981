import type { Coherence } from '@hitbox/core'
import type { Engine } from './engine.ts'
import { type Keyspace, versionNameOf } from './keyspace.ts'

/**
 * Obeys what others change: nobody joins what began before any more, and what is loaded under it is not stored. The tiers have dropped
 * their copies by then, since they listen too. @returns what ends it.
 */
export function followChanges(
  engine: Engine,
  coherence: Coherence,
  { root }: Keyspace,
): () => void {
  const { flights, polls, stamps, failures, claims } = engine
  return coherence.listen({
    changed: (text) => {
      const name = versionNameOf(root, text)
      if (name !== undefined) {
        engine.versions.register.told([name])
        flights.detachOf([name])
        return
      }
      polls.delete(text)
      stamps.note(text)
      failures.forget(text)
      claims.wake(text)
      // A flight that waits for somebody else's value has seen nothing yet.
      if (flights.get(text)?.waiting !== true) flights.detach(text)
    },
    changedAll: () => {
      polls.clear()
      stamps.noteAll()
      flights.trackNone()
      claims.wakeAll()
      engine.versions.register.toldNothing()
    },
  })
}
