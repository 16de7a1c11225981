// Cached functions, batches, tags, and typed definitions: each step says what happened, and fails when it did not.
import { createCache } from 'hitbox'
import { showArguments } from './arguments.ts'
import { showBatches } from './batches.ts'
import { showDefinitions } from './definitions.ts'
import { Gazetteer } from './gazetteer.ts'
import { showTags } from './tags.ts'

await using cache = createCache({ ttl: '10m' })
const gazetteer = new Gazetteer()

console.log('Functions and their arguments')
await showArguments(cache, gazetteer)
console.log('\nBatches')
await showBatches(cache, gazetteer)
gazetteer.asked()
console.log('\nTags')
await showTags(cache, gazetteer)
console.log('\nDefinitions')
await showDefinitions(gazetteer)
