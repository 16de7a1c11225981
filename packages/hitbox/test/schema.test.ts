import { describe, expect, it, vi } from 'vitest'
import type { HitboxEvent, StandardSchema } from '../src/index.ts'
import { open } from './support/setup.ts'

interface User {
  readonly name: string
}

function userSchema(): StandardSchema<User> & { readonly validations: () => number } {
  const validate = vi.fn((value: unknown) =>
    typeof (value as Partial<User> | undefined)?.name === 'string'
      ? { value: value as User }
      : { issues: [{ message: 'no user' }] },
  )
  return {
    '~standard': { version: 1, vendor: 'test', validate },
    validations: () => validate.mock.calls.length,
  }
}

describe('schema', () => {
  it('makes a miss of what it refuses, and tells', async () => {
    const schema = userSchema()
    const events: HitboxEvent[] = []
    const { cache } = open({ schema, onEvent: (event) => void events.push(event) })
    await cache.set('k', { nickname: 'Ada' })
    expect(await cache.get('k')).toBeUndefined()
    expect(cache.peek('k')).toBeUndefined()
    const ada = { name: 'Ada' }
    expect(await cache.getOrLoad('k', () => ada)).toBe(ada)
    expect(await cache.get('k')).toBe(ada)
    expect(cache.peek('k')).toBe(ada)
    expect(await cache.getMany(['k'])).toEqual([ada])
    expect(cache.stats().refused).toBe(2)
    expect(events).toContainEqual({
      type: 'refused',
      source: 'cache',
      key: 'k',
      error: [{ message: 'no user' }],
    })
  })

  it('is asked once for an entry that memory hands out again and again', async () => {
    const schema = userSchema()
    const { cache } = open({ schema })
    await cache.set('k', { name: 'Ada' })
    for (let call = 0; call < 5; call += 1) await cache.get('k')
    expect(schema.validations()).toBe(1)
  })

  it('gives what it makes of a value, and may take its time or throw', async () => {
    const { cache } = open()
    await cache.set('k', ' Ada ')
    const trimmed: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: async (value) => ({ value: (value as string).trim() }),
      },
    }
    expect(await cache.get('k', { schema: trimmed })).toBe('Ada')
    expect(await cache.get('k')).toBe(' Ada ')
    await cache.set('k', 5)
    expect(await cache.getOrLoad('k', () => 'loaded', { schema: trimmed })).toBe('loaded')
  })
})
