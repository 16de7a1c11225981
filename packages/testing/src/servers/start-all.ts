import type { RedisServer } from './redis-server.ts'

/** Starts several servers at once; when one does not come up, stops the others and throws. */
export async function startAll<Server extends RedisServer>(
  count: number,
  start: () => Promise<Server>,
): Promise<Server[]> {
  const results = await Promise.allSettled(Array.from({ length: count }, start))
  const servers = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure === undefined) return servers
  await stopAll(servers)
  throw failure.reason
}

export async function stopAll(servers: readonly RedisServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.stop()))
}
