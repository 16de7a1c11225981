import assert from 'node:assert/strict'
import type { Cache } from 'hitbox'
import { collecting } from './collect.ts'
import { BERLIN, type Gazetteer, MADRID, PARIS, ROME } from './gazetteer.ts'
import { say } from './say.ts'

/** Many keys by one question. */
export async function showBatches(cache: Cache, gazetteer: Gazetteer): Promise<void> {
  const asked: number[][] = []
  const load = (missing: readonly number[]) => {
    asked.push([...missing])
    return gazetteer.cities(missing)
  }
  const key = (id: number) => ['city', id] as const

  const cities = await cache.getOrLoadMany([PARIS.id, BERLIN.id, PARIS.id], load, { key })
  assert.deepEqual(
    cities.map(({ name }) => name),
    ['Paris', 'Berlin', 'Paris'],
  )
  assert.deepEqual(asked.splice(0), [[PARIS.id, BERLIN.id]])
  say('three wanted, two of them the same', 'one question for two')

  await cache.getOrLoadMany([BERLIN.id, ROME.id, PARIS.id], load, { key })
  assert.deepEqual(asked.splice(0), [[ROME.id]])
  say('three wanted, two of them there', 'one question for one')

  const settled = await cache.getOrLoadMany.settled([ROME.id, -1, MADRID.id], load, { key })
  assert.deepEqual(
    settled.map((result) => (result.ok ? result.value.name : String(result.error))),
    ['Rome', 'Error: there is no city -1', 'Madrid'],
  )
  assert.equal(cache.peek<{ name: string }>(key(MADRID.id))?.name, 'Madrid')
  asked.splice(0)
  say('one of them is not there', 'it fails alone, and the others are kept')

  // What a resolver, a component or a template looks like: it wants one city and knows nothing of batches.
  const city = collecting((ids: readonly number[]) =>
    cache.getOrLoadMany.settled(ids, load, { key }),
  )
  const leg = async (from: number, to: number) =>
    `${(await city(from)).name} to ${(await city(to)).name}`
  await cache.deleteMany([PARIS, BERLIN, ROME, MADRID].map(({ id }) => key(id)))
  const legs = await Promise.all([
    leg(PARIS.id, BERLIN.id),
    leg(BERLIN.id, ROME.id),
    leg(ROME.id, MADRID.id),
  ])
  assert.deepEqual(asked.splice(0), [[PARIS.id, BERLIN.id, ROME.id], [MADRID.id]])
  say('six wanted one by one, by who knows no batches', 'two questions, for three and for one')
  assert.equal(legs[0], 'Paris to Berlin')
}
