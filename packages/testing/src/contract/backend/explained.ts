import assert from 'node:assert/strict'
import { type Context, createContext, type KeyInput } from '@hitbox/core'
import type { Scene } from '../scene.ts'

/** Keys with every kind of entry, `over` being over; what a read of each finds. */
export async function fillKinds(scene: Scene): Promise<ReadonlyMap<string, unknown>> {
  const over = scene.entry('over', 120)
  const never = { data: 'never', staleAt: Infinity, expiresAt: Infinity }
  await scene.backend.set('fresh', scene.entry('fresh'))
  await scene.backend.set('stale', scene.entry('stale', 60_000, 0))
  await scene.backend.set('never', never)
  await scene.backend.set('over', over)
  await scene.pass(over.expiresAt)
  return new Map([
    ['none', undefined],
    ['fresh', 'fresh'],
    ['stale', 'stale'],
    ['over', undefined],
    ['never', 'never'],
  ])
}

/** Asserts that a context says what that of a read of the key alone says now. */
export async function asAlone(scene: Scene, key: KeyInput, context: Context): Promise<void> {
  const { backend, clock } = scene
  const end = clock.now() + (context.ttlMs ?? Number.NaN)
  const alone = createContext()
  await backend.get(key, { context: alone })
  const { ttlMs, missReason, ...rest } = context
  const { ttlMs: aloneTtlMs, missReason: aloneReason, ...aloneRest } = alone
  assert.deepEqual(rest, aloneRest)
  // A store may remove what is over at the first look, so the second finds nothing at all.
  const gone = missReason === 'expired' && aloneReason === 'absent'
  if (!gone) assert.equal(missReason, aloneReason)
  if (aloneTtlMs === undefined) assert.equal(ttlMs, undefined)
  else scene.near(end, clock.now() + aloneTtlMs)
}
