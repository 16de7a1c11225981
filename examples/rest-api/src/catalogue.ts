export interface City {
  readonly id: number
  readonly name: string
  readonly country: string
  readonly population: number
  /** Number of the write that it is from; 0 for what was there at first. */
  readonly revision: number
}

export interface CountryPage {
  readonly country: string
  readonly cities: number
  readonly people: number
  readonly page: number
  /** The largest first. */
  readonly largest: readonly Pick<City, 'id' | 'name' | 'population'>[]
  /** Of the last write to any of its cities. */
  readonly revision: number
}

/** What the service is about, wherever it comes from. */
export interface Catalogue {
  city(id: number, signal?: AbortSignal): Promise<City | undefined>
  /** @param page - From 1. */
  countryPage(country: string, page: number, signal?: AbortSignal): Promise<CountryPage | undefined>
  /** Once resolved, every read that begins later tells of it. */
  setPopulation(id: number, population: number): Promise<City | undefined>
}
