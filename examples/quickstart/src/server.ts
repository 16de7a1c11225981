import { createServer, type Server } from 'node:http'
import type { Answer, Cache } from 'hitbox'
import { computeRegion, type Region } from './regions.ts'

export type RegionCache = Cache<Region | undefined>

/** From the cache, or worked out once for all who ask meanwhile; with how it was come by. */
export function regionOf(cache: RegionCache, id: number): Promise<Answer<Region | undefined>> {
  return cache.getOrLoad.withContext(['region', id], () => computeRegion(id))
}

/** `GET /regions/ID`. The header `x-source` tells where the answer is from. */
export function regionServer(cache: RegionCache): Server {
  return createServer((request, response) => {
    const id = /^\/regions\/(\d+)$/.exec(request.url ?? '')?.[1]
    if (id === undefined) {
      response.writeHead(404).end()
      return
    }
    regionOf(cache, Number(id)).then(
      ({ value: region, context }) => {
        response.writeHead(region === undefined ? 404 : 200, {
          'content-type': 'application/json',
          'x-source': context.source,
        })
        response.end(JSON.stringify(region))
      },
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
}
