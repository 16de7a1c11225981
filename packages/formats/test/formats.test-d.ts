import type { Format } from '@hitbox/core'
import { cbor, json, v8 } from '@hitbox/formats'
import { cbor as cborAlone } from '@hitbox/formats/cbor'
import { json as jsonAlone } from '@hitbox/formats/json'
import { msgpack } from '@hitbox/formats/msgpack'
import { v8 as v8Alone } from '@hitbox/formats/v8'
import { expectTypeOf } from 'vitest'

expectTypeOf(cbor).toEqualTypeOf<Format>()
expectTypeOf(json).toEqualTypeOf<Format>()
expectTypeOf(v8).toEqualTypeOf<Format>()
expectTypeOf(msgpack).toEqualTypeOf<Format>()
expectTypeOf([cborAlone, jsonAlone, v8Alone]).toEqualTypeOf<Format[]>()

// A decoded value is whatever the bytes say, until the caller knows better.
expectTypeOf(cbor.decode(new Uint8Array())).toBeUnknown()

// @ts-expect-error: text is no bytes
json.decode('{}')
