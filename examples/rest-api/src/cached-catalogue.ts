import type { Cache } from 'hitbox'
import type { Catalogue } from './catalogue.ts'

/**
 * The same catalogue with a cache before it. Reads carry tags of what they tell about; a write ends these tags before it is
 * acknowledged. That reaches further than deleting keys: how many pages of a country there are need not be known, and what
 * another instance is loading right now, from before the write, is not served either.
 */
export function cachedCatalogue(source: Catalogue, cache: Cache): Catalogue {
  return {
    city: (id) =>
      cache.getOrLoad(['city', id], ({ signal }) => source.city(id, signal), {
        tags: [`city:${id}`],
      }),

    countryPage: (country, page) =>
      cache.getOrLoad(
        ['country', country, page],
        ({ signal }) => source.countryPage(country, page, signal),
        { tags: [`country:${country}`] },
      ),

    async setPopulation(id, population) {
      const city = await source.setPopulation(id, population)
      if (city !== undefined) {
        await cache.invalidateTags(`city:${id}`, `country:${city.country}`)
      }
      return city
    },
  }
}
