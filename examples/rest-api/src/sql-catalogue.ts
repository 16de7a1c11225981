import type { Catalogue, City, CountryPage } from './catalogue.ts'

const PAGE = 20

type Query = <Row>(
  sql: string,
  values: readonly (string | number)[],
  signal?: AbortSignal,
) => Promise<Row[]>

/** Asks the database, every time. */
export function sqlCatalogue(query: Query): Catalogue {
  return {
    async city(id, signal) {
      const [city] = await query<City>('select * from city where id = ?', [id], signal)
      return city
    },

    async countryPage(country, page, signal) {
      const [[total], largest] = await Promise.all([
        query<Pick<CountryPage, 'cities' | 'people' | 'revision'>>(
          `select count(*) as cities, sum(population) as people, max(revision) as revision
           from city where country = ?`,
          [country],
          signal,
        ),
        query<CountryPage['largest'][number]>(
          `select id, name, population from city where country = ?
           order by population desc, id limit ? offset ?`,
          [country, PAGE, (page - 1) * PAGE],
          signal,
        ),
      ])
      return total === undefined || total.cities === 0
        ? undefined
        : { country, page, ...total, largest }
    },

    async setPopulation(id, population) {
      const [city] = await query<City>(
        `update city set population = ?, revision = (select max(revision) + 1 from city)
         where id = ? returning *`,
        [population, id],
      )
      return city
    },
  }
}

/** A client of the database server. @returns how to ask it, and how often it was asked. */
export function connectDatabase(port: number): { query: Query; asked: () => number } {
  let asked = 0
  return {
    asked: () => asked,
    query: async <Row>(sql: string, values: unknown, signal?: AbortSignal) => {
      asked += 1
      const response = await fetch(`http://127.0.0.1:${port}`, {
        method: 'POST',
        body: JSON.stringify({ sql, values }),
        signal: signal ?? null,
      })
      if (!response.ok) throw new Error(`the database says: ${await response.text()}`)
      return (await response.json()) as Row[]
    },
  }
}
