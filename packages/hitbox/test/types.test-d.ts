import { expectTypeOf } from 'vitest'
import {
  createCache,
  defineCache,
  memoryBackend,
  type Receipt,
  type StandardSchema,
} from '../src/index.ts'

interface User {
  readonly id: number
  readonly name: string
}
declare const db: {
  user(id: number, signal: AbortSignal): Promise<User>
  users(ids: readonly number[]): Promise<User[]>
}
declare const userSchema: StandardSchema<User>

const cache = createCache({ ttl: '10m', tiers: [memoryBackend({ maxEntries: 10 })] })

// A loader tells what it gives, with its context taken apart or not.
expectTypeOf(cache.getOrLoad(['user', 1], ({ signal }) => db.user(1, signal))).toEqualTypeOf<
  Promise<User>
>()
expectTypeOf(cache.getOrLoad('k', async () => 1)).toEqualTypeOf<Promise<number>>()
expectTypeOf(cache.getOrLoad('k', () => 'text')).toEqualTypeOf<Promise<string>>()
expectTypeOf(
  cache.getOrLoad('k', ({ previous }) => {
    expectTypeOf(previous?.value).toEqualTypeOf<unknown>()
    return 1
  }),
).toEqualTypeOf<Promise<number>>()
void cache.getOrLoad
  .withContext('k', () => 1)
  .then(({ value, context }) => {
    expectTypeOf(value).toEqualTypeOf<number>()
    expectTypeOf(context.status).toEqualTypeOf<'hit' | 'stale' | 'forward'>()
    expectTypeOf(context.ageMs).toEqualTypeOf<number | undefined>()
  })

// Without a loader the caller says, or a schema does.
expectTypeOf(cache.get('k')).toEqualTypeOf<Promise<unknown>>()
expectTypeOf(cache.get<User>('k')).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(cache.get('k', { schema: userSchema })).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(cache.peek<User>('k')).toEqualTypeOf<User | undefined>()
expectTypeOf(cache.getMany<User>(['a'])).toEqualTypeOf<Promise<(User | undefined)[]>>()

// A schema for all values holds everywhere.
const users = createCache({ ttl: '1m', schema: userSchema })
expectTypeOf(users.get('k')).toEqualTypeOf<Promise<User | undefined>>()
expectTypeOf(users.peek('k')).toEqualTypeOf<User | undefined>()
// @ts-expect-error a number is no user
void users.set('k', 5)
// @ts-expect-error a loader of numbers makes no users
void users.getOrLoad('k', () => 5)

// Batches: a list has a value for each, a map may leave some out.
expectTypeOf(cache.getOrLoadMany(['a', 'b'], () => [1, 2])).toEqualTypeOf<Promise<number[]>>()
expectTypeOf(
  cache.getOrLoadMany(['a', 'b'], (missing) => new Map(missing.map((key) => [key, 1]))),
).toEqualTypeOf<Promise<(number | undefined)[]>>()
expectTypeOf(
  cache.getOrLoadMany([1, 2], (missing) => db.users(missing), { key: (id) => ['user', id] }),
).toEqualTypeOf<Promise<User[]>>()
// @ts-expect-error numbers are no keys, and there is no option "key"
void cache.getOrLoadMany([1, 2], (missing: readonly number[]) => db.users(missing))

// A cached function has the arguments and the result of its own.
const getUser = cache.fn('user', (id: number, lang?: string) =>
  Promise.resolve({ id, name: lang ?? '' }),
)
expectTypeOf<Parameters<typeof getUser>>().toEqualTypeOf<[id: number, lang?: string | undefined]>()
expectTypeOf(getUser(1)).toEqualTypeOf<Promise<{ id: number; name: string }>>()
expectTypeOf(getUser.peek(1)).toEqualTypeOf<{ id: number; name: string } | undefined>()
// @ts-expect-error an id is a number
void getUser.delete('1')

// A bare number has no unit; 0 needs none.
createCache({ ttl: 0 })
// @ts-expect-error 60 of what?
createCache({ ttl: 60 })
// @ts-expect-error misspelt
createCache({ tll: '1m' })

// Tags are lists of texts, or made from what a call or an item has.
void cache.getOrLoad('k', () => 1, { tags: ['a', 'b'] })
void cache.getOrLoadMany([1, 2], (missing) => db.users(missing), {
  key: (id) => ['user', id],
  tags: (id) => [`user:${id.toFixed()}`],
})
cache.fn('tagged', (id: number) => db.users([id]), { tags: (id) => [`user:${id.toFixed()}`] })
// @ts-expect-error a tag is a text
void cache.set('k', 1, { tags: [7] })
expectTypeOf(cache.invalidateTags('a', ['b', 'c'])).toEqualTypeOf<Promise<Receipt>>()

// A namespace has the calls of a cache, and what concerns the whole only the cache has.
const named = cache.namespace('users', { schema: userSchema })
expectTypeOf(named.get('k')).toEqualTypeOf<Promise<User | undefined>>()
// @ts-expect-error a number is no user
void named.set('k', 5)
// @ts-expect-error a namespace is closed with its cache
void named.close()

// Definitions know their inputs, values and tags.
const app = defineCache(
  {
    user: {
      tags: (id: number) => [`user:${id}`, 'users'] as const,
      load: (id: number, { signal }) => db.user(id, signal),
    },
    checked: { schema: userSchema, load: (id: string) => ({ id: 1, name: id, more: true }) },
    many: { tags: ['all'], loadMany: (ids: readonly number[]) => db.users(ids) },
    loose: { tags: (id) => [String(id)], load: (id: number) => id },
    nothing: { load: () => [1] },
    maybe: { load: (id?: number) => id ?? 0 },
    stored: { key: (user: User) => user.id, schema: userSchema },
  },
  cache,
)
expectTypeOf(app.user(1)).toEqualTypeOf<Promise<User>>()
expectTypeOf(app.user.peek(1)).toEqualTypeOf<User | undefined>()
expectTypeOf(app.user.many([1])).toEqualTypeOf<Promise<User[]>>()
expectTypeOf(app.checked('a')).toEqualTypeOf<Promise<User>>()
expectTypeOf(app.many(1)).toEqualTypeOf<Promise<User>>()
expectTypeOf(app.nothing()).toEqualTypeOf<Promise<number[]>>()
void app.nothing.set([2])
expectTypeOf(app.maybe()).toEqualTypeOf<Promise<number>>()
void app.maybe(1)
expectTypeOf(app.stored.get({ id: 1, name: '' })).toEqualTypeOf<Promise<User | undefined>>()
// @ts-expect-error what cannot load is not called
void app.stored({ id: 1, name: '' })
// @ts-expect-error an id is a number
void app.user('1')
// @ts-expect-error a number is no user
void app.user.set(1, 5)
const exact = defineCache({
  user: { tags: (id: number) => [`user:${id}`, 'users'] as const, load: (id: number) => id },
})
void exact.invalidateTags('users', 'user:7')
// @ts-expect-error no definition has this tag
void exact.invalidateTags('user')
// @ts-expect-error load and tags take the same input
defineCache({ user: { tags: (id: string) => [id], load: (id: number) => id } })
// @ts-expect-error load gives what the schema describes
defineCache({ user: { schema: userSchema, load: (id: number) => id } })
// @ts-expect-error misspelt
defineCache({ user: { lod: (id: number) => id } })
