import type { Format } from '@hitbox/core'

const utf8 = /* @__PURE__ */ new TextEncoder()
const text = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true })

/** JSON text in UTF-8: readable by everything. */
export const json: Format = Object.freeze({
  id: 'json',
  encode: (value: unknown): Uint8Array => utf8.encode(JSON.stringify(value)),
  decode: (bytes: Uint8Array): unknown => JSON.parse(text.decode(bytes)),
})
