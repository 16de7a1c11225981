import { json } from '@hitbox/formats/json'
import { memoryBackend } from '../src/index.ts'

memoryBackend({ maxEntries: 1 })
memoryBackend({ maxEntries: 1, values: 'frozen', label: undefined })
memoryBackend({ maxBytes: 1, sizeOf: (_, key) => key.length })
memoryBackend({ maxBytes: 1, maxEntries: 1, sizeOf: () => 1 })
memoryBackend({ maxBytes: 1, values: 'encoded', valueFormat: json })
memoryBackend({ maxEntries: 1, maxBytes: 1, values: 'encoded', valueFormat: json })
memoryBackend({ maxEntries: 1, eviction: 'sieve' })
memoryBackend({ maxBytes: 1, sizeOf: () => 1, eviction: 'lru' })
memoryBackend({ maxBytes: 1, values: 'encoded', valueFormat: json, eviction: undefined })

// @ts-expect-error there is no such policy
memoryBackend({ maxEntries: 1, eviction: 'fifo' })
// @ts-expect-error a bound is required
memoryBackend({})
// @ts-expect-error so it is for encoded values
memoryBackend({ values: 'encoded', valueFormat: json })
// @ts-expect-error bytes of values that are no bytes need a count
memoryBackend({ maxBytes: 1 })
// @ts-expect-error without maxBytes nobody would call it
memoryBackend({ maxEntries: 1, sizeOf: () => 1 })
// @ts-expect-error encoded values need a format
memoryBackend({ maxEntries: 1, values: 'encoded' })
// @ts-expect-error and only they do
memoryBackend({ maxEntries: 1, valueFormat: json })
