import type { OffloadManager } from '@hitbox/composition'
import type { Engine } from './engine.ts'
import { endFlight } from './state/load.ts'

/** Lets what is under way end, aborts what is not done by then, and closes the tiers. */
export async function closeEngine(
  engine: Engine,
  ownOffload: OffloadManager | undefined,
  timeoutMs: number,
): Promise<void> {
  const { flights, order, tiers, clock } = engine
  engine.endHolds()
  if (timeoutMs > 0) {
    const drained = Promise.all([
      flights.drained().then(() => order.drained()),
      ownOffload?.drain(),
    ])
    await new Promise<void>((resolve) => {
      const timer = clock.setTimeout(resolve, timeoutMs)
      void drained.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
  const reason = engine.closedError()
  for (const flight of flights) endFlight(engine, flight, reason)
  engine.endHolds()
  await ownOffload?.close()
  engine.endListening()
  engine.versions.register.close()
  await tiers.close()
  engine.endDeadlines()
}
