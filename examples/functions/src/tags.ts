import assert from 'node:assert/strict'
import type { Cache } from 'hitbox'
import { BERLIN, type Gazetteer, PARIS } from './gazetteer.ts'
import { say } from './say.ts'

/** What a change outdates, wherever it is kept. */
export async function showTags(cache: Cache, gazetteer: Gazetteer): Promise<void> {
  const largest = cache.fn(
    'largest',
    (country: string, count: number) => gazetteer.largest(country, count),
    {
      tags: (country) => [`country:${country}`],
    },
  )
  // Which country a city is in, only the city itself tells.
  const city = (id: number) =>
    cache.getOrLoad(['tagged city', id], async ({ setTags }) => {
      const found = await gazetteer.city(id)
      if (found !== undefined) setTags(`country:${found.country}`)
      return found
    })
  const askAll = async () => ({
    five: (await largest('FR', 5)).map(({ name }) => name),
    one: (await largest('FR', 1)).map(({ name }) => name),
    german: (await largest('DE', 1)).map(({ name }) => name),
    paris: (await city(PARIS.id))?.name,
    berlin: (await city(BERLIN.id))?.name,
  })
  await askAll()
  assert.equal(gazetteer.asked(), 5)
  await askAll()
  assert.equal(gazetteer.asked(), 0)
  say('three lists and two cities', 'asked for once')

  gazetteer.rename(PARIS.id, 'Lutetia')
  await cache.invalidateTags('country:FR')
  const { five, one, german, paris, berlin } = await askAll()
  assert.equal(gazetteer.asked(), 3)
  assert.deepEqual([five[0], one, paris], ['Lutetia', ['Lutetia'], 'Lutetia'])
  assert.deepEqual([german, berlin], [['Berlin'], 'Berlin'])
  say('after a change in one country', 'its three asked for again, the other two kept')

  // A load that began before the change brings what was there before it: those who wait get it, and nobody after them.
  const gate = new Gate()
  const slow = cache.fn(
    'slowly',
    async (id: number) => {
      const found = await gazetteer.city(id)
      await gate.pass()
      return found?.name
    },
    { tags: () => ['country:FR'] },
  )
  const early = slow(PARIS.id)
  await gate.reached
  gazetteer.rename(PARIS.id, 'Paris')
  await cache.invalidateTags('country:FR')
  const late = slow(PARIS.id)
  gate.open()
  assert.deepEqual([await early, await late], ['Lutetia', 'Paris'])
  assert.equal(slow.peek(PARIS.id), 'Paris')
  assert.equal(gazetteer.asked(), 2)
  say('after a change during a load', 'the load is not kept, the next caller asks anew')
}

/** Holds up a load until the change has come. */
class Gate {
  reach: () => void = () => {}
  open: () => void = () => {}
  readonly reached = new Promise<void>((resolve) => (this.reach = resolve))
  readonly #opened = new Promise<void>((resolve) => (this.open = resolve))

  pass(): Promise<void> {
    this.reach()
    return this.#opened
  }
}
