import { describe, expect, it } from 'vitest'
import { readTags, writeTags } from '../../src/envelope/tags.ts'

const utf8 = new TextEncoder()

/** The same text at some place among other bytes. */
function placed(text: string, at: number): readonly [bytes: Uint8Array, at: number, end: number] {
  const part = utf8.encode(text)
  const bytes = new Uint8Array(at + part.length + 9).fill(0xaa)
  bytes.set(part, at)
  return [bytes, at, at + part.length]
}

const sealed = (tags: Readonly<Record<string, string>>): string => JSON.stringify(tags)

describe('tags of an envelope', () => {
  it('are one frozen object for the same bytes, wherever they are', () => {
    const text = sealed({ '@': 'a1b2c3d4', '+red': 'e5f6' })
    const first = readTags(...placed(text, 3))
    expect(first).toEqual({ '@': 'a1b2c3d4', '+red': 'e5f6' })
    expect(readTags(...placed(text, 40))).toBe(first)
    expect(Object.isFrozen(first)).toBe(true)
  })

  it('are written once where they cannot change, and else as they are', () => {
    const tags = { '@': 'a1b2c3d4', '+červená': 'e5f6' }
    const before = writeTags(tags)
    expect(before).toEqual(utf8.encode(sealed(tags)))
    tags['@'] = 'changed'
    expect(writeTags(tags)).toEqual(utf8.encode(sealed(tags)))
    const bytes = writeTags(Object.freeze(tags))
    expect(writeTags(tags)).toBe(bytes)
    expect(readTags(bytes, 0, bytes.length)).toEqual(tags)
  })

  it('are never those of other bytes, however many there are', () => {
    for (let round = 0; round < 2; round += 1) {
      for (let index = 0; index < 5_000; index += 1) {
        const tags = { '@': `v${index % 50}`, [`+t${index}`]: `w${index % 7}` }
        expect(readTags(...placed(sealed(tags), index % 11))).toEqual(tags)
      }
    }
  })

  it('do not change with the bytes that they were read from', () => {
    const [bytes, at, end] = placed(sealed({ '@': 'before' }), 1)
    const before = readTags(bytes, at, end)
    bytes.set(utf8.encode(sealed({ '@': 'behind' })), at)
    expect(readTags(bytes, at, end)).toEqual({ '@': 'behind' })
    expect(before).toEqual({ '@': 'before' })
    expect(readTags(...placed(sealed({ '@': 'before' }), 5))).toEqual({ '@': 'before' })
  })

  it('are read when they are long, too', () => {
    const tags = { '@': 'x'.repeat(2_000) }
    expect(readTags(...placed(sealed(tags), 2))).toEqual(tags)
    expect(readTags(...placed(sealed(tags), 2))).toEqual(tags)
  })

  it.each(['{', 'nothing', '"text"', '7', 'null'])('are none in %s', (text) => {
    expect(readTags(...placed(text, 2))).toBeNull()
    expect(readTags(...placed(text, 2))).toBeNull()
  })
})
