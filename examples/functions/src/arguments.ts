import assert from 'node:assert/strict'
import { type Cache, CacheError } from 'hitbox'
import { BERLIN, type Gazetteer, PARIS, type Place } from './gazetteer.ts'
import { say } from './say.ts'

/** Who asks: nothing that changes the answer, and nothing that a key could be made of. */
class Asker {
  readonly #name: string
  constructor(name: string) {
    this.#name = name
  }
  greet(): string {
    return `for ${this.#name}`
  }
}

/** Functions with the keys of their arguments. */
export async function showArguments(cache: Cache, gazetteer: Gazetteer): Promise<void> {
  const nearest = cache.fn('nearest', (place: Place, count: number) =>
    gazetteer.nearest(place, { count, minPopulation: 100_000 }),
  )
  const { latitude, longitude } = PARIS
  const [first, ...others] = await Promise.all(
    Array.from({ length: 100 }, () => nearest({ latitude, longitude }, 3)),
  )
  assert.equal(gazetteer.asked(), 1)
  assert.ok(others.every((other) => other === first))
  say('a hundred calls at once are one', first?.map(({ name }) => name).join(', '))

  // The order in which an object names its parts tells nothing, so it tells no calls apart.
  await nearest({ longitude, latitude }, 3)
  assert.equal(gazetteer.asked(), 0)
  assert.equal(nearest.keyOf({ longitude, latitude }, 3), nearest.keyOf({ latitude, longitude }, 3))
  say(
    'the same arguments in another order',
    decodeURIComponent(nearest.keyOf({ latitude, longitude }, 3)),
  )

  const { context } = await nearest.withContext({ latitude, longitude }, 4)
  assert.equal(context.status, 'forward')
  assert.equal(gazetteer.asked(), 1)
  say('other arguments are another call', `${context.status}, made in ${made(context.loadMs)}`)

  const square = cache.fn('square', (text: string | number) => Number(text) ** 2)
  assert.notEqual(square.keyOf(1), square.keyOf('1'))
  say('1 is not "1"', `${square.keyOf(1)} and ${square.keyOf('1')}`)

  const forAsker = async (asker: Asker, place: Place): Promise<string> => {
    const [city] = await gazetteer.nearest(place, { count: 1, minPopulation: 1_000_000 })
    return `${city?.name} ${asker.greet()}`
  }
  const wrong = cache.fn('for asker, keyed by all', forAsker)
  await assert.rejects(
    () => wrong(new Asker('Ada'), BERLIN),
    (error) => CacheError.is(error, 'INVALID_KEY'),
  )
  assert.equal(gazetteer.asked(), 0)
  say('an instance of a class is no key', 'INVALID_KEY, and nothing was asked')

  const skipping = cache.fn('for asker', forAsker, { skip: [0] })
  assert.equal(await skipping(new Asker('Ada'), BERLIN), 'Berlin for Ada')
  assert.equal(await skipping(new Asker('Bob'), BERLIN), 'Berlin for Ada')
  assert.equal(gazetteer.asked(), 1)
  say('what is skipped tells no calls apart', skipping.peek(new Asker('Eve'), BERLIN))

  assert.equal((await skipping.delete(new Asker('Eve'), BERLIN)).deleted, true)
  assert.equal(await skipping(new Asker('Bob'), BERLIN), 'Berlin for Bob')
  assert.equal(await skipping.uncached(new Asker('Eve'), BERLIN), 'Berlin for Eve')
  assert.equal(gazetteer.asked(), 2)
  say('deleted, it is made anew', skipping.peek(new Asker('Eve'), BERLIN))
}

function made(ms: number | undefined): string {
  assert.ok(ms !== undefined && ms > 0)
  return `${ms.toFixed(0)} ms`
}
