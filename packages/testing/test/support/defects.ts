import {
  type CacheBackend,
  type CacheValue,
  type Context,
  deleteStatus,
  type ItemResult,
  type KeyInput,
  keyText,
  settleEach,
  type StoreRead,
} from '@hitbox/core'
import type { BackendSubject } from '@hitbox/testing'
import {
  type Found,
  having,
  keysAs,
  livesAs,
  readsAs,
  storeWith,
  tierWith,
  worn,
  writesAs,
} from './broken.ts'
import type { Stored } from './map-store.ts'
import { mapSubject } from './map-subject.ts'

/** One thing that is wrong, and the cases that must notice it. */
export type Defect = readonly [what: string, caughtBy: readonly string[], subject: BackendSubject]

const isText = (data: unknown): data is string => typeof data === 'string'

const byReference = (): BackendSubject =>
  tierWith(() => {
    const kept = new Map<string, CacheValue<unknown>>()
    return {
      set: (key, value) => void kept.set(keyText(key), value),
      get: (key) => kept.get(keyText(key)),
    }
  })

/** Keeps the end of the first entry of a key, and drops what is over. */
const firstEndStays = (): BackendSubject =>
  storeWith((right) => ({
    write(key, entry) {
      const endsAt = right.entries.get(key)?.endsAt
      right.write(key, entry)
      if (endsAt !== undefined) right.entries.set(key, { bytes: entry.bytes, endsAt })
    },
    read(key) {
      const stored = right.entries.get(key)
      return stored && stored.endsAt > right.clock.now() ? right.read(key) : undefined
    },
  }))

const plainObject = (): BackendSubject =>
  storeWith(({ clock }) => {
    const entries: Record<string, Stored | undefined> = {}
    return {
      read(key) {
        const stored = entries[key]
        return stored && { bytes: stored.bytes, ttlMs: stored.endsAt - clock.now() }
      },
      write: (key, { bytes, ttlMs }) =>
        void (entries[key] = { bytes, endsAt: clock.now() + ttlMs }),
      remove(key) {
        const count = entries[key] === undefined ? 0 : 1
        // oxlint-disable-next-line typescript/no-dynamic-delete
        delete entries[key]
        return deleteStatus(count)
      },
    }
  })

/** Puts the text of the value before into each value. */
const torn = (): BackendSubject =>
  tierWith((inner) => {
    let before: { text?: string } = {}
    return {
      set(key, value) {
        const data = value.data as { text?: string }
        const text = before.text ?? data.text
        before = data
        return inner.set(key, { ...value, data: { ...data, text } })
      },
    }
  })

const foreignThrows = (): BackendSubject =>
  storeWith((right) => ({
    read(key) {
      const stored = right.read(key)
      if (stored !== undefined && stored.bytes[0] !== 0xb7) throw new Error('not an envelope')
      return stored
    },
  }))

const wholeBatchFails = (): BackendSubject =>
  tierWith((inner) => ({
    async setMany(entries) {
      const results = await inner.setMany(entries)
      const failure = results.find((result) => !result.ok)
      if (failure?.ok === false) throw failure.error
      return results
    },
  }))

export const ENTRY_DEFECTS: readonly Defect[] = [
  ['data loses a field', ['A01'], readsAs((found) => ({ ...found, data: { id: 7 } }))],
  [
    'the stale moment is that of the end',
    ['A02'],
    readsAs((found) => ({ ...found, staleAt: found.expiresAt })),
  ],
  [
    'what never ends gets an end',
    ['A03'],
    readsAs((found) => ({ ...found, expiresAt: Math.min(found.expiresAt, 9e12) })),
  ],
  [
    'the stale moment is after the end',
    ['A04'],
    readsAs((found) => ({ ...found, staleAt: Infinity })),
  ],
  [
    'the first value of a key stays',
    ['A05'],
    storeWith((right) => ({
      write: (key, entry) => void (right.entries.has(key) || right.write(key, entry)),
    })),
  ],
  [
    'the first stale moment of a key stays',
    ['A06'],
    tierWith((inner) => {
      const first = new Map<string, number>()
      return {
        set(key, value) {
          const staleAt = first.get(keyText(key)) ?? value.staleAt
          first.set(keyText(key), staleAt)
          return inner.set(key, { ...value, staleAt })
        },
      }
    }),
  ],
  ['the first end of a key stays', ['A07', 'D11'], firstEndStays()],
  ['all keys share an entry', ['A08'], keysAs(() => 'k')],
  [
    'texts are taken for bytes',
    ['A09'],
    writesAs((value) => {
      const { data } = value
      const latin = (text: unknown): string =>
        Buffer.from(String(text), 'latin1').toString('latin1')
      return { ...value, data: Array.isArray(data) ? data.map(latin) : data }
    }),
  ],
  [
    'large values are cut',
    ['A10'],
    readsAs((found) => ({
      ...found,
      data: isText(found.data) ? found.data.slice(0, 65_536) : found.data,
    })),
  ],
  [
    'a view is kept with the buffer behind it',
    ['A11'],
    writesAs((value) => {
      const { data } = value
      return { ...value, data: data instanceof Uint8Array ? new Uint8Array(data.buffer) : data }
    }),
  ],
  [
    'dates become texts',
    ['A12'],
    readsAs((found) => ({ ...found, data: withoutDates(found.data) })),
  ],
  ['the objects of the caller are kept', ['A13', 'A14'], byReference()],
  [
    'bytes are given out in one buffer',
    ['A15'],
    (() => {
      const shared = new Uint8Array(200_000)
      return readsAs((found) => {
        if (!(found.data instanceof Uint8Array)) return found
        shared.set(found.data)
        return { ...found, data: shared.subarray(0, found.data.length) }
      })
    })(),
  ],
  [
    'a value past the limit is kept in part',
    ['A16'],
    writesAs((value) => ({
      ...value,
      data: isText(value.data) ? value.data.slice(0, 100) : value.data,
    })),
  ],
  [
    'a key named __proto__ becomes a prototype',
    ['A17'],
    readsAs((found) => {
      const data: Record<string, unknown> = {}
      for (const [name, part] of Object.entries(found.data as object)) data[name] = part
      return { ...found, data }
    }),
  ],
  [
    'what travels with a value is lost',
    ['A18'],
    readsAs((found) => ({ ...found, meta: undefined })),
  ],
  [
    'a miss is null',
    ['B01'],
    tierWith((inner) => ({ get: async (key) => (await inner.get(key)) ?? null })),
  ],
  [
    'a miss throws',
    ['B01', 'D01'],
    tierWith((inner) => ({
      async get(key) {
        const found = await inner.get(key)
        if (found === undefined) throw new Error('not found')
        return found
      },
    })),
  ],
  [
    'undefined is a miss',
    ['B02'],
    readsAs((found) => (found.data === undefined ? undefined : found)),
  ],
  ['null is a miss', ['B03'], readsAs((found) => (found.data === null ? undefined : found))],
  ['zero is a miss', ['B04'], readsAs((found) => (found.data === 0 ? undefined : found))],
  ['false is a miss', ['B05'], readsAs((found) => (found.data === false ? undefined : found))],
  ['no text is a miss', ['B06'], readsAs((found) => (found.data === '' ? undefined : found))],
  [
    'a delete always finds something',
    ['B07'],
    tierWith((inner) => ({
      async delete(key) {
        await inner.delete(key)
        return deleteStatus(1)
      },
    })),
  ],
  ['a delete does nothing', ['B08'], storeWith(() => ({ remove: () => deleteStatus(1) }))],
  [
    'the context is not filled',
    ['B09', 'B10', 'B12'],
    tierWith((inner) => ({ get: (key) => inner.get(key) })),
  ],
  [
    'what is there at once is another value',
    ['B14'],
    tierWith((inner) => ({
      hit(key) {
        const found = inner.get(key) as Found
        return found && { ...found, data: 'another' }
      },
    })),
  ],
  [
    'what is there at once may be stale',
    ['B14'],
    tierWith((inner) => ({
      hit(key) {
        const over = key === 'none' || key === 'over'
        return over ? undefined : inner.get(key)
      },
    })),
  ],
  [
    'looking for what is there at once counts as a miss',
    ['B14'],
    tierWith((inner) => ({
      hit(key) {
        void inner.get(key)
        return undefined
      },
    })),
  ],
  [
    'stale is expired',
    ['B11'],
    readsAs((found) => (found.staleAt < found.expiresAt ? undefined : found)),
  ],
  [
    'reads of a batch are counted twice',
    ['B13'],
    tierWith((inner) => ({
      async getMany(keys) {
        const list = [...keys]
        await inner.getMany(list)
        return inner.getMany(list)
      },
    })),
  ],
]

function withoutDates(data: unknown): unknown {
  const { date } = (data ?? {}) as { date?: unknown }
  return date instanceof Date ? { ...(data as object), date: date.toISOString() } : data
}

export const KEY_DEFECTS: readonly Defect[] = [
  ['long keys are cut', ['C01'], keysAs((text) => text.slice(0, 250))],
  ['keys are properties of an object', ['C02'], plainObject()],
  ['keys end with a line', ['C03'], keysAs((text) => text.split(/[\r\n\0]/)[0] as string)],
  [
    'braces choose all of the key',
    ['C04'],
    keysAs((text) => /\{([^}]+)\}/.exec(text)?.[1] ?? text),
  ],
  ['keys are escaped, and escapes are not', ['C05'], keysAs((text) => text.replaceAll(' ', '%20'))],
  ['keys go through UTF-8', ['C06'], keysAs((text) => Buffer.from(text).toString())],
  ['keys are normalised', ['C07'], keysAs((text) => text.normalize('NFKC'))],
  ['joined emoji are taken apart', ['C08'], keysAs((text) => text.replaceAll('\u200d', ''))],
  ['letters have no case', ['C09'], keysAs((text) => text.toLowerCase())],
  ['numbers are read', ['C10'], keysAs((text) => String(Number(text) || text))],
  [
    'an empty key is a key',
    ['C11'],
    tierWith((inner) => ({ get: (key) => inner.get(key === '' ? 'empty' : key) })),
  ],
  [
    'a tuple is another key than its text',
    ['C12'],
    tierWith((inner) => ({
      set: (key, value) => inner.set(Array.isArray(key) ? `tuple of ${keyText(key)}` : key, value),
    })),
  ],
  [
    'tuples are joined',
    ['C13'],
    tierWith((inner) => {
      const joined = (key: KeyInput): KeyInput => (Array.isArray(key) ? key.join(':') : key)
      return {
        get: (key) => inner.get(joined(key)),
        set: (key, value) => inner.set(joined(key), value),
        delete: (key) => inner.delete(joined(key)),
      }
    }),
  ],
  [
    'all but letters and digits are lost',
    ['C14'],
    keysAs((text) => text.replaceAll(/[^a-z0-9]/gi, '_')),
  ],
]

export const TIME_DEFECTS: readonly Defect[] = [
  ['nothing ends', ['D01'], livesAs(() => Number.POSITIVE_INFINITY)],
  [
    'less than a second is for ever',
    ['D01', 'D02', 'D09'],
    livesAs((ttlMs) => (ttlMs < 1_000 ? Infinity : ttlMs)),
  ],
  ['the end is a millisecond late', ['D02'], livesAs((ttlMs) => ttlMs + 1)],
  [
    'ends are those of whole seconds',
    ['D03'],
    readsAs((found) => ({ ...found, expiresAt: Math.ceil(found.expiresAt / 1_000) * 1_000 })),
  ],
  [
    'lives are cut to whole seconds',
    ['D04'],
    livesAs((ttlMs) => Math.floor(ttlMs / 1_000) * 1_000),
  ],
  [
    'a value that is over is not worth an operation',
    ['D05'],
    tierWith((inner) => ({
      set: (key, value) => (value.data === 'new' ? undefined : inner.set(key, value)),
    })),
  ],
  [
    'NaN is for ever',
    ['D06'],
    writesAs((value) => ({
      ...value,
      expiresAt: Number.isNaN(value?.expiresAt) ? Infinity : value?.expiresAt,
    })),
  ],
  ['lives have 32 bits', ['D07'], livesAs((ttlMs) => ttlMs | 0)],
  [
    'moments are rounded to tenths of a second',
    ['D08'],
    readsAs((found) => ({ ...found, staleAt: Math.round(found.staleAt / 100) * 100 })),
  ],
  [
    'reads prolong a life',
    ['D09'],
    storeWith((right) => ({
      read(key) {
        const stored = right.entries.get(key)
        if (stored) right.entries.set(key, { ...stored, endsAt: stored.endsAt + 50 })
        return right.read(key)
      },
    })),
  ],
  [
    'moments count from the read',
    ['D10'],
    storeWith((right) => ({
      read(key): StoreRead | undefined {
        const stored = right.read(key)
        return stored && { ...stored, ttlMs: 60_000 }
      },
    })),
  ],
  [
    'what is over keeps its place',
    ['D12'],
    storeWith((right) => ({
      write(key, entry) {
        const stored = right.entries.get(key)
        if (stored === undefined || stored.endsAt > right.clock.now()) right.write(key, entry)
      },
    })),
  ],
  [
    'what is stale already is not kept',
    ['D13'],
    tierWith((inner) => ({
      set: (key, value) => (value.staleAt <= 0 ? undefined : inner.set(key, value)),
    })),
  ],
  ['stale comes late', ['D14'], readsAs((found) => ({ ...found, staleAt: found.staleAt + 5 }))],
]

export const BATCH_DEFECTS: readonly Defect[] = [
  [
    'misses of a batch are left out',
    ['E01'],
    tierWith((inner) => ({
      async getMany(keys) {
        const results = await inner.getMany(keys)
        return results.filter((result) => result.ok && result.value !== undefined)
      },
    })),
  ],
  [
    'duplicates of a batch are left out',
    ['E02'],
    tierWith((inner) => ({ getMany: (keys) => inner.getMany(new Set(keys)) })),
  ],
  [
    'a batch of nothing fails',
    ['E03'],
    tierWith((inner) => ({
      getMany(keys) {
        const list = [...keys]
        if (list.length === 0) throw new Error('wrong number of arguments')
        return inner.getMany(list)
      },
    })),
  ],
  [
    'keys are iterated twice',
    ['E04'],
    tierWith((inner) => ({
      getMany(keys) {
        for (const key of keys) keyText(key)
        return inner.getMany(keys)
      },
    })),
  ],
  [
    'the first of duplicates wins',
    ['E05'],
    tierWith((inner) => ({ setMany: (entries) => inner.setMany([...entries].toReversed()) })),
  ],
  [
    'a batch of deletes has one status',
    ['E06'],
    tierWith((inner) => ({
      async deleteMany(keys) {
        const results = await inner.deleteMany(keys)
        return results.map(() => results[0] as (typeof results)[number])
      },
    })),
  ],
  [
    'a key that is named twice fails',
    ['E07'],
    tierWith((inner) => ({
      async deleteMany(keys) {
        const results = await inner.deleteMany(keys)
        return results.map((result) =>
          result.ok && result.value.count === 0
            ? { ok: false, error: new Error('missing') }
            : result,
        )
      },
    })),
  ],
  [
    'a batch has one life for all',
    ['E08'],
    tierWith((inner) => ({
      setMany(entries) {
        const list = [...entries]
        const { staleAt = 0, expiresAt = 0 } = list.at(-1)?.[1] ?? {}
        return inner.setMany(list.map(([key, value]) => [key, { ...value, staleAt, expiresAt }]))
      },
    })),
  ],
  [
    'a batch passes over what is over already',
    ['E09'],
    tierWith((inner) => ({
      async setMany(entries) {
        const list = [...entries]
        await inner.setMany(list.filter(([, { expiresAt }]) => expiresAt > 0))
        return list.map(() => ({ ok: true, value: undefined }))
      },
    })),
  ],
  [
    'a batch has room for a thousand',
    ['E10'],
    tierWith((inner) => ({
      getMany(keys) {
        const list = [...keys]
        if (list.length > 1_000) throw new RangeError('too many arguments')
        return inner.getMany(list)
      },
    })),
  ],
  [
    'keys of a batch are sorted as numbers',
    ['E11'],
    tierWith((inner) => ({
      getMany(keys) {
        const named = Object.fromEntries(Array.from(keys, (key) => [keyText(key), true]))
        return inner.getMany(Object.keys(named))
      },
    })),
  ],
  ['one bad item fails a batch', ['E12', 'E13'], wholeBatchFails()],
  [
    'a batch goes on until it meets a bad key',
    ['E14'],
    tierWith((inner) => ({
      async setMany(entries) {
        const results: ItemResult<void>[] = []
        for (const [key, value] of entries) {
          await inner.set(key, value)
          results.push({ ok: true, value: undefined })
        }
        return results
      },
    })),
  ],
  [
    'batches share what they are about',
    ['E15'],
    tierWith((inner) => {
      let current: KeyInput[] = []
      return {
        async getMany(keys) {
          current = [...keys]
          await Promise.resolve()
          return inner.getMany(current)
        },
      }
    }),
  ],
  [
    'a batch explains nothing',
    ['E17', 'E18', 'H14'],
    tierWith((inner) => ({ getMany: (keys) => inner.getMany(keys) })),
  ],
  [
    'a batch explains duplicates once',
    ['E17', 'H14'],
    tierWith((inner) => ({
      getMany(keys, options) {
        const list = Array.from(keys, keyText)
        const first = (key: string, index: number): boolean => list.indexOf(key) === index
        const contexts = options?.contexts?.map((context, index) =>
          first(list[index] as string, index) ? context : undefined,
        )
        return inner.getMany(list, { contexts })
      },
    })),
  ],
  [
    'a batch explains its keys from the end',
    ['E17', 'E18', 'H14'],
    tierWith((inner) => ({
      getMany: (keys, options) =>
        inner.getMany(keys, { contexts: options?.contexts?.toReversed() }),
    })),
  ],
  [
    'every miss of a batch is absent',
    ['H14'],
    tierWith((inner) => ({
      async getMany(keys, options) {
        const results = await inner.getMany(keys, options)
        for (const context of options?.contexts ?? []) {
          if (context?.missReason !== undefined) context.missReason = 'absent'
        }
        return results
      },
    })),
  ],
  [
    'a batch of contexts must be complete',
    ['E18'],
    tierWith((inner) => ({
      getMany(keys, options) {
        const list = [...keys]
        if (options?.contexts !== undefined) {
          for (let index = 0; index < list.length; index += 1) {
            const context = options.contexts[index] as Context
            context.missReason = undefined
          }
        }
        return inner.getMany(list, options)
      },
    })),
  ],
  [
    'a batch is a loop',
    ['E16'],
    (() => {
      let reads = 0
      return storeWith(
        (right) => ({
          read(key) {
            reads += 1
            return right.read(key)
          },
        }),
        { commands: { count: () => reads, perBatch: 1 } },
      )
    })(),
  ],
]

/** Keeps values by itself, and copies what it has read when it is asked again. */
const comesBack = (): BackendSubject =>
  tierWith(
    () => {
      const kept = new Map<string, CacheValue<unknown>>()
      const get = async (key: KeyInput): Promise<CacheValue<unknown> | undefined> => {
        const found = kept.get(keyText(key))
        await Promise.resolve()
        if (found !== undefined) kept.set(keyText(key), found)
        return found
      }
      return {
        get,
        getMany: (keys) => settleEach([...keys], get),
        set: (key, value) => void kept.set(keyText(key), value),
        setMany: (entries) =>
          settleEach([...entries], ([key, value]) => void kept.set(keyText(key), value)),
        clear: () => kept.clear(),
      }
    },
    { clear: true },
  )

export const OTHER_DEFECTS: readonly Defect[] = [
  ['nothing is dropped', ['F01'], tierWith(() => ({ clear: () => {} }), { clear: true })],
  ['there is a clear that was not declared', ['F02'], tierWith(() => ({ clear: () => {} }))],
  ['what was dropped comes back', ['F03'], comesBack()],
  [
    'everything is dropped after the close',
    ['F04'],
    tierWith(() => ({ clear: () => {} }), { clear: true }),
  ],
  ['meta is said to be lost', ['J08'], tierWith(() => ({ keepsMeta: false }))],
  ['values are put together from two', ['G01', 'G06'], torn()],
  ['keys are cut short', ['G02'], keysAs((text) => text.slice(0, 3))],
  [
    'every hundredth write is lost',
    ['G03'],
    (() => {
      let writes = 0
      return storeWith((right) => ({
        write(key, entry) {
          writes += 1
          if (writes % 100 !== 0) right.write(key, entry)
        },
      }))
    })(),
  ],
  [
    'writes come after the delete that followed them',
    ['G04'],
    tierWith((inner) => ({
      set: (key, value) =>
        void setImmediate(() => {
          try {
            void inner.set(key, value)
          } catch {
            // Closed by now.
          }
        }),
    })),
  ],
  [
    'a shared store is read from memory',
    ['G05'],
    tierWith((inner) => {
      const seen = new Map<string, CacheValue<unknown>>()
      return {
        async get(key) {
          const found = seen.get(keyText(key)) ?? (await inner.get(key))
          if (found) seen.set(keyText(key), found)
          return found
        },
      }
    }),
  ],
  ['foreign bytes are a failure', ['H09', 'H13'], foreignThrows()],
  [
    'a lease on a value is a failure',
    ['H15'],
    storeWith((right) => ({
      read(key) {
        const stored = right.read(key)
        if (stored?.bytes.at(-20) !== 0) throw new Error('a lease')
        return stored
      },
    })),
  ],
  ['bytes are believed', ['H10', 'H11', 'H12'], storeWith(() => ({ layout: 'raw' }))],
  [
    'operations go on after the close',
    ['I02', 'I04'],
    tierWith(() => ({ close: async () => {}, [Symbol.asyncDispose]: async () => {} })),
  ],
  [
    'closing twice fails',
    ['I01'],
    tierWith((inner) => {
      let closed = false
      return {
        async close() {
          if (closed) throw new Error('closed already')
          closed = true
          await inner.close()
        },
      }
    }),
  ],
  [
    'what was not used is not closed',
    ['I03'],
    tierWith((inner) => {
      let used = false
      return {
        set(key, value) {
          used = true
          return inner.set(key, value)
        },
        close: async () => (used ? inner.close() : undefined),
      }
    }),
  ],
  ['ready takes any timeout', ['I05'], tierWith((inner) => ({ ready: () => inner.ready() }))],
  [
    'only the first caller connects, and the others fail',
    ['I06'],
    tierWith((inner) => {
      let state = 'new'
      return {
        async set(key, value) {
          if (state === 'connecting') throw new Error('not connected')
          if (state === 'new') {
            state = 'connecting'
            await new Promise((resolve) => setImmediate(resolve))
            state = 'connected'
          }
          await inner.set(key, value)
        },
      }
    }),
  ],
  [
    'what is under way at the close is forgotten',
    ['I07'],
    tierWith(() => ({ get: () => new Promise(() => {}) })),
  ],
  [
    'a timer stays after the close',
    ['I08'],
    tierWith(() => {
      const timer = setInterval(() => {}, 60_000)
      timer.unref()
      setTimeout(() => clearInterval(timer), 4_000).unref()
      return {}
    }),
  ],
  ['what was there is gone after the close', ['I09'], forgetful()],
  ['a misspelt option is passed over', ['I10'], having(mapSubject(), { misspelt: () => 'opened' })],
  ['one close is for all', ['I11'], having(mapSubject(), { join: (backend) => backend })],
  ['a label has a dot', ['J01'], tierWith(() => ({ label: 'a.b' }))],
  ['there is a peek that was not declared', ['J02'], tierWith(() => ({ peek: () => undefined }))],
  [
    'a peek is counted',
    ['J03'],
    tierWith((inner) => ({ peek: (key) => inner.get(key) }), { peek: true }),
  ],
  [
    'a peek sees what is over',
    ['J04'],
    tierWith(
      (inner) => {
        const kept = new Map<string, CacheValue<unknown>>()
        return {
          set(key, value) {
            kept.set(keyText(key), value)
            return inner.set(key, value)
          },
          peek: (key) => kept.get(keyText(key)),
        }
      },
      { peek: true },
    ),
  ],
  ['answers are promises', ['J05'], tierWith((inner) => ({ get: async (key) => inner.get(key) }))],
  ['nothing is reported', ['J06'], silent()],
  ['a listener is in the way', ['J07'], unguarded()],
]

function forgetful(): BackendSubject {
  const right = mapSubject()
  return having(right, { reopen: () => right.open({}) })
}

function silent(): BackendSubject {
  const right = mapSubject()
  return { ...right, open: ({ clock }) => right.open({ clock }) }
}

function unguarded(): BackendSubject {
  const right = mapSubject()
  return {
    ...right,
    open({ clock, onEvent }) {
      const inner = right.open({ clock }) as CacheBackend
      return worn(inner, {
        get(key) {
          onEvent?.({ type: 'miss', source: 'map', key: keyText(key), reason: 'absent' })
          return inner.get(key)
        },
      })
    },
  }
}
