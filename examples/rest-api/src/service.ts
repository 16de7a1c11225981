import { createServer, type IncomingMessage, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import type { Catalogue } from './catalogue.ts'

interface Reply {
  readonly status: number
  readonly body: unknown
}

/**
 * `GET /cities/ID`, `PUT /cities/ID` with `{ "population": 1234 }`, and `GET /countries/CODE?page=N`. It does not know whether
 * its catalogue is cached.
 */
export function cityService(catalogue: Catalogue): Server {
  return createServer((request, response) => {
    void route(catalogue, request)
      .catch((error: unknown): Reply => ({ status: 500, body: { error: String(error) } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end(JSON.stringify(body))
      })
  })
}

async function route(catalogue: Catalogue, request: IncomingMessage): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://service')
  const [, collection, name = ''] = pathname.split('/')
  if (collection === 'cities' && /^\d{1,9}$/.test(name)) {
    const id = Number(name)
    if (request.method === 'GET') return found(await catalogue.city(id))
    if (request.method === 'PUT') {
      const population = await populationOf(request)
      return population === undefined
        ? { status: 400, body: { error: '"population" must be a whole number of 0 or more' } }
        : found(await catalogue.setPopulation(id, population))
    }
  }
  if (collection === 'countries' && /^[A-Z]{2}$/.test(name) && request.method === 'GET') {
    const page = Number(searchParams.get('page') ?? 1)
    if (Number.isSafeInteger(page) && page >= 1) {
      return found(await catalogue.countryPage(name, page))
    }
  }
  return { status: 404, body: { error: 'no such thing here' } }
}

function found(body: unknown): Reply {
  return body === undefined
    ? { status: 404, body: { error: 'no such thing here' } }
    : { status: 200, body }
}

async function populationOf(request: IncomingMessage): Promise<number | undefined> {
  try {
    const { population } = (await json(request)) as { population?: unknown }
    return Number.isSafeInteger(population) && Number(population) >= 0
      ? Number(population)
      : undefined
  } catch {
    return undefined // no JSON
  }
}
