import { createStorage, type Driver } from 'unstorage'
import lruDriver from 'unstorage/drivers/lru-cache'
import redisDriver from 'unstorage/drivers/redis'
import type { Contender, Row, Subject } from '../contender.ts'

function subject(driver: Driver): Subject {
  const storage = createStorage<Row>({ driver })
  return {
    get: (key) => storage.getItem(key),
    getMany: async (keys) => (await storage.getItems<Row>([...keys])).map((item) => item.value),
    set: (key, value) => storage.setItem(key, value),
    close: () => storage.dispose(),
  }
}

export const contenders: readonly Contender[] = [
  {
    name: 'unstorage',
    packages: ['unstorage', 'ioredis'],
    about: 'its lru-cache and Redis drivers; JSON in both',
    settings: {
      memory: ({ maxEntries, ttlMs }) => subject(lruDriver({ max: maxEntries, ttl: ttlMs })),
      redis: ({ redisUrl, ttlMs }) => subject(redisDriver({ url: redisUrl, ttl: ttlMs / 1_000 })),
    },
  },
]
