import { Redis } from 'ioredis'

/** What several peers ask for. */
export function ioredis(url: string): Redis {
  const redis = new Redis(url)
  redis.on('error', () => {})
  return redis
}
