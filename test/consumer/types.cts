import core = require('@hitbox/core')
import memory = require('@hitbox/memory')

export const tier: core.CacheBackend = memory.memoryBackend({ maxEntries: 10 })
