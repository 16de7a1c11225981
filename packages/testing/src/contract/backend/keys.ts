import assert from 'node:assert/strict'
import { cacheKey, type KeyInput, type KeyTuple, keyText } from '@hitbox/core'
import type { BackendCase } from '../backend-subject.ts'
import { type Random, seeded } from '../random.ts'
import { backendCase, fails, type Scene } from '../scene.ts'

/** Sets a value of its own for each key, then reads, then deletes them one by one: no key may answer for another. */
async function keepsApart(scene: Scene, keys: readonly KeyInput[]): Promise<void> {
  const { backend } = scene
  for (const [index, key] of keys.entries()) await backend.set(key, scene.entry(index))
  for (const [index, key] of keys.entries()) await scene.has(key, index)
  for (const [index, key] of keys.entries()) {
    const { status } = await backend.delete(key)
    assert.equal(status, 'deleted', `key ${index} was gone before it was deleted`)
    await scene.lacks(key)
  }
}

const LONG = 'x'.repeat(299)
const HUGE = 'y'.repeat(9_999)

const TABLE: readonly (readonly [
  id: string,
  title: string,
  why: string,
  keys: readonly string[],
])[] = [
  [
    'C01',
    'long keys that differ at the end',
    'a cut or a hash of a part would join them',
    [`${LONG}1`, `${LONG}2`, `${HUGE}1`, `${HUGE}2`],
  ],
  [
    'C02',
    'names that every object has',
    'a plain object is no map',
    ['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'prototype'],
  ],
  [
    'C03',
    'control characters and spaces',
    'they end lines, texts and commands in some protocols',
    ['a\0b', 'a', 'a\r\nb', 'a\nb', 'a\rb', 'a\tb', 'a b', ' a', 'a ', '\0', '\x7f'],
  ],
  [
    'C04',
    'characters that mean something to stores',
    'globs, hash tags, separators and quotes are plain characters here',
    [
      '*',
      '?',
      '[ab]',
      '{}',
      '{a}b',
      '{a}c',
      'a:b',
      'a::b',
      ':',
      '&',
      '=',
      'a=b&c',
      '\\',
      '"',
      "'",
      '`',
      '$',
      '/',
      '../x',
      '#',
      '~',
      '~~',
    ],
  ],
  [
    'C05',
    'escapes of other keys',
    'a key format that escapes must escape its escapes',
    ['a b', 'a%20b', 'a%2520b', 'a+b', '~a%20b', '%', '%25', '%e', '%uD800', '~%uD800'],
  ],
  [
    'C06',
    'lone surrogates',
    'UTF-8 has no bytes for them, and makes the same mark of all',
    ['\ud800', '\udfff', '\ufffd', 'a\ud800', 'a\udc00', '\udc00\ud800'],
  ],
  [
    'C07',
    'texts that look alike',
    'composed and decomposed letters are different keys',
    ['\u00fc', 'u\u0308', '\u2126', '\u03a9', '\ufb01', 'fi'],
  ],
  [
    'C08',
    'emoji and joined emoji',
    'characters outside the basic plane take two units',
    ['👍', '👍🏽', '👩‍👧', '👩👧', '🇩🇪', '🇪🇩'],
  ],
  [
    'C09',
    'cases of letters',
    'a store on a file system may not tell them apart',
    ['user', 'User', 'USER', 'ß', 'SS', 'ss', 'İ', 'i̇'],
  ],
  [
    'C10',
    'texts of numbers',
    'a plain object sorts and normalises them',
    ['1', '01', '1.0', '-1', '10', '1e1', 'NaN', 'null', 'undefined', 'true'],
  ],
]

const EMPTY_OR_NO_KEY: readonly unknown[] = [
  '',
  [],
  [''],
  [1],
  {},
  null,
  undefined,
  42,
  ['a', {}],
  ['a', Symbol('b')],
]

/** Group C: any text is a key, and two keys are never one. */
export const keyCases: readonly BackendCase[] = [
  ...TABLE.map(([id, title, why, keys]) =>
    backendCase({
      id,
      title: `keeps apart ${title}`,
      why,
      test: (scene) => keepsApart(scene, keys),
    }),
  ),
  backendCase({
    id: 'C11',
    title: 'refuses an empty key, and what is no key, with INVALID_KEY',
    why: 'an empty key is a bug of the caller, and would be shared by all bugs of this kind',
    async test(scene) {
      const { backend } = scene
      for (const bad of EMPTY_OR_NO_KEY as readonly KeyInput[]) {
        await fails('INVALID_KEY', () => backend.get(bad))
        await fails('INVALID_KEY', () => backend.set(bad, scene.entry(1)))
        await fails('INVALID_KEY', () => backend.delete(bad))
      }
    },
  }),
  backendCase({
    id: 'C12',
    title: 'takes a tuple, a made key and their text for the same key',
    why: 'one part of a program may write in one form what another reads in another',
    async test(scene) {
      const { backend } = scene
      const made = cacheKey({
        prefix: 'user',
        version: 2,
        parts: [
          ['id', '42'],
          ['lang', null],
        ],
      })
      for (const key of [['user', 42], made] as const) {
        await backend.set(key, scene.entry('v'))
        await scene.has(keyText(key), 'v')
        assert.equal((await backend.delete(keyText(key))).status, 'deleted')
        await scene.lacks(key)
      }
    },
  }),
  backendCase({
    id: 'C13',
    title: 'keeps apart tuples and made keys that differ only a little',
    why: 'a number is not its text, null is not a word, and a version is not a part',
    test: (scene) =>
      keepsApart(scene, [
        ['u', 42],
        ['u', '42'],
        ['u', 42n],
        ['u', '42n'],
        ['u', "'42"],
        ['u', null],
        ['u', 'null'],
        ['u', undefined],
        ['u', 'undefined'],
        ['u', ''],
        ['u', true],
        ['u', 'true'],
        ['u'],
        ['u', 'a', 'b'],
        ['u', 'a&b'],
        ['u:a', 'b'],
        ['v2', 1],
        cacheKey({ prefix: 'p' }),
        cacheKey({ prefix: 'p', version: 1 }),
        cacheKey({ prefix: 'p', version: 2 }),
        cacheKey({ prefix: 'p:v2' }),
        cacheKey({ prefix: 'p', parts: [['a', null]] }),
        cacheKey({ prefix: 'p', parts: [['a', '']] }),
        cacheKey({ prefix: 'p', parts: [['a', 'b']] }),
        cacheKey({
          prefix: 'p',
          parts: [
            ['a', 'b'],
            ['c', 'd'],
          ],
        }),
        cacheKey({ prefix: 'p', parts: [['a', 'b&c=d']] }),
        cacheKey({ prefix: 'p', parts: [['a=b', null]] }),
      ]),
  }),
  backendCase({
    id: 'C14',
    title: 'never lets two of a thousand random keys share an entry',
    why: 'what no list thinks of, chance may find',
    async test(scene) {
      const random = seeded(20_261_122)
      const keys = new Map<string, KeyInput>()
      while (keys.size < 1_000) {
        const key = randomKey(random)
        keys.set(keyText(key), key)
      }
      const { backend } = scene
      const entries = Array.from(keys, ([text, key]) => [key, scene.entry(text)] as const)
      const written = await backend.setMany(entries)
      assert.ok(written.every(({ ok }) => ok))
      const read = await backend.getMany<string>(keys.keys())
      for (const [index, [, { data }]] of entries.entries()) {
        const result = read[index]
        assert.ok(
          result?.ok === true && result.value?.data === data,
          `key ${index} has another's value`,
        )
      }
    },
  }),
]

const ALPHABET = [
  ...Array.from('abAB01:=&%~{}*?\\\'"/ .-_+'),
  '\0',
  '\n',
  'ü',
  'u\u0308',
  '\ud83d',
  '\ude00',
  '漢',
  '%2',
  'v1:',
]

function randomKey(random: Random): KeyInput {
  const text = (): string =>
    Array.from({ length: 1 + random(4) }, () => ALPHABET[random(ALPHABET.length)]).join('')
  switch (random(3)) {
    case 0:
      return text()
    case 1: {
      const atoms = [
        text(),
        random(20),
        null,
        undefined,
        random(2) === 0,
        BigInt(random(20)),
        '',
        `${random(20)}`,
      ]
      const rest = Array.from({ length: random(3) }, () => atoms[random(atoms.length)])
      return [text(), ...rest] as unknown as KeyTuple
    }
    default: {
      const part = (): [string, string | null] => [text(), random(3) === 0 ? null : text()]
      const parts = Array.from({ length: random(3) }, part)
      return cacheKey({ prefix: text(), version: random(3), parts })
    }
  }
}
