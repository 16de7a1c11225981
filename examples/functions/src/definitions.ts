import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CacheOptions, defineCache, memoryBackend } from 'hitbox'
import { lmdbBackend } from '@hitbox/lmdb'
import * as v from 'valibot'
import { BERLIN, type Gazetteer, MADRID, PARIS, ROME } from './gazetteer.ts'
import { say } from './say.ts'

const citySchema = v.object({
  id: v.number(),
  name: v.string(),
  country: v.string(),
  population: v.number(),
})

/** All that is kept, in one place: what it is called, what identifies it, how it is made, how long it lives, what outdates it. */
function defineCities(gazetteer: Gazetteer, options: CacheOptions) {
  return defineCache(
    {
      city: {
        ttl: '1h',
        schema: v.optional(citySchema),
        tags: (id: number) => [`city:${id}`] as const,
        load: (id: number) => gazetteer.city(id),
        loadMany: (ids: readonly number[]) => gazetteer.cities(ids),
      },
      largest: {
        key: ({ country, count }) => [country, count],
        tags: ({ country }: { country: string }) => [`country:${country}`] as const,
        load: ({ country, count }: { country: string; count: number }) =>
          gazetteer.largest(country, count),
      },
    },
    options,
  )
}

/** Names, inputs, values and tags that the compiler knows, and a check of what comes out of a store. */
export async function showDefinitions(gazetteer: Gazetteer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'hitbox-functions-'))
  try {
    await leaveOldEntry(folder)
    await use(gazetteer, folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function use(gazetteer: Gazetteer, folder: string): Promise<void> {
  const tiers = [memoryBackend({ maxEntries: 1_000 }), lmdbBackend({ path: folder })]
  await using app = defineCities(gazetteer, { tiers, ttl: '10m', namespace: 'cities' })

  const paris = await app.city(PARIS.id)
  assert.deepEqual([paris?.name, paris?.country, gazetteer.asked()], ['Paris', 'FR', 1])
  say('the entry of an older program', 'refused by the schema, and asked for anew')
  // @ts-expect-error -- no city has a mayor
  assert.equal(paris?.mayor, undefined)
  // @ts-expect-error -- cities have numbers
  assert.equal(app.city.peek('Paris'), undefined)
  say('a wrong input, or a property that is not there', 'does not compile')

  const many = await app.city.many([PARIS.id, BERLIN.id, ROME.id, MADRID.id])
  assert.deepEqual(
    many.map((city) => city?.country),
    ['FR', 'DE', 'IT', 'ES'],
  )
  assert.equal(gazetteer.asked(), 1)
  say('four, one of them there', 'one question for three')

  const { context } = await app.city.withContext(ROME.id)
  assert.deepEqual([context.status, context.source], ['hit', 'tiers.memory'])
  say('and again, with its context', `${context.status} of ${context.source}`)

  await app.largest({ country: 'FR', count: 2 })
  await app.largest({ country: 'FR', count: 3 })
  assert.equal(gazetteer.asked(), 2)
  await app.invalidateTags('country:FR')
  assert.equal(app.largest.peek({ country: 'FR', count: 2 }), undefined)
  assert.equal(app.city.peek(PARIS.id)?.name, 'Paris')
  // @ts-expect-error -- nothing carries such a tag
  await app.invalidateTags('contry:FR')
  say('a tag', 'ends the lists of its country and no city; misspelt, it does not compile')

  await app.city.set(BERLIN.id, { id: BERLIN.id, name: 'Bärlin', country: 'DE', population: 1 })
  assert.equal((await app.city(BERLIN.id))?.name, 'Bärlin')
  assert.equal((await app.city.delete(BERLIN.id)).deleted, true)
  assert.equal((await app.city(BERLIN.id))?.name, 'Berlin')
  assert.equal(gazetteer.asked(), 1)
  say('set, then deleted', app.city.keyOf(BERLIN.id))
}

/** What a program of last year has left in the store: its cities had no country. */
async function leaveOldEntry(folder: string): Promise<void> {
  await using old = defineCache(
    { city: { load: (id: number) => ({ id, name: 'Paris' }) } },
    { tiers: [lmdbBackend({ path: folder })], ttl: '1h', namespace: 'cities' },
  )
  await old.city(PARIS.id)
}
