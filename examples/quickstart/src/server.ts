import { createServer, type Server, type ServerResponse } from 'node:http'
import { type CacheBackend, cacheValue, createContext } from '@hitbox/core'
import { computeRegion, type Region } from './regions.ts'

/** `GET /regions/ID`: from the tiers, or worked out and kept. The header `x-source` tells which. */
export function regionServer(tiers: CacheBackend): Server {
  return createServer((request, response) => {
    const id = /^\/regions\/(\d+)$/.exec(request.url ?? '')?.[1]
    if (id === undefined) {
      response.writeHead(404).end()
      return
    }
    answer(tiers, Number(id), response).catch((error: unknown) => {
      response.writeHead(500).end(String(error))
    })
  })
}

async function answer(tiers: CacheBackend, id: number, response: ServerResponse): Promise<void> {
  const context = createContext()
  const found = await tiers.get<Region>(['region', id], { context })
  const region = found === undefined ? computeRegion(id) : found.data
  if (region === undefined) return void response.writeHead(404).end()
  if (found === undefined) {
    await tiers.set(['region', id], cacheValue(region, { ttl: '7d', staleAfter: '1d' }))
  }
  response.writeHead(200, { 'content-type': 'application/json', 'x-source': context.source })
  response.end(JSON.stringify(region))
}
