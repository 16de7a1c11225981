import { type RedisServer, startRedis } from '@hitbox/testing'

/** One for each contender; what each of them stores is read by no other. */
export const availableDatabases = 64

/** A server of this run's own, that keeps nothing on disk: a snapshot in the middle of a round would be somebody's bad luck. */
export function sharedRedis(): Promise<RedisServer> {
  return startRedis({ config: ['--databases', String(availableDatabases), '--save', ''] })
}
