import { deepStrictEqual } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { msgpack } from '@hitbox/formats/msgpack'
import { describe, expect, it } from 'vitest'
import { GOLDEN } from './golden/values.ts'

type Bytes = Readonly<Record<string, Readonly<Record<string, string>>>>

const path = join(import.meta.dirname, 'golden/bytes.json')
const bytes = JSON.parse(readFileSync(path, 'utf8')) as Bytes

describe.each<Format>([cbor, msgpack, v8, json])(
  'bytes that earlier versions wrote as $id',
  (format) => {
    const kept = Object.entries(bytes[format.id]!)

    it('are there for every value', () => {
      const kinds = kept.map(([kind]) => kind)
      expect(kinds).toEqual(
        format === json ? ['plain', 'records', 'longText', 'texts', 'proto'] : Object.keys(GOLDEN),
      )
    })

    it.each(kept)('%s is read', (kind, hex) => {
      deepStrictEqual(format.decode(Buffer.from(hex, 'hex')), GOLDEN[kind]!())
    })
  },
)
