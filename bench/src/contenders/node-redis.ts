import { cbor } from '@hitbox/formats/cbor'
import type { Contender, Open, Row } from '../contender.ts'
import { bareRedis, bytesRedis } from '../inputs/bare-redis.ts'

/** The bare part under our Redis backend: one command, and the same decoding. */
function inCbor(commandTimeout: number | undefined): Open {
  return async ({ redisUrl, ttlMs }) => {
    const redis = await bytesRedis(redisUrl, commandTimeout)
    const decode = (bytes: Uint8Array | null) =>
      bytes === null ? undefined : (cbor.decode(bytes) as Row)
    return {
      get: async (key) => decode(await redis.get(key)),
      getMany: async (keys) => (await redis.mGet([...keys])).map(decode),
      set: (key, value) => redis.set(key, asBuffer(cbor.encode(value)), { PX: ttlMs }),
      close: () => redis.destroy(),
    }
  }
}

const inJson: Open = async ({ redisUrl, ttlMs }) => {
  const redis = await bareRedis(redisUrl)
  const decode = (text: string | null) => (text === null ? undefined : (JSON.parse(text) as Row))
  return {
    get: async (key) => decode(await redis.get(key)),
    getMany: async (keys) => (await redis.mGet([...keys])).map(decode),
    set: (key, value) => redis.set(key, JSON.stringify(value), { PX: ttlMs }),
    close: () => redis.destroy(),
  }
}

/** What node-redis takes; the same memory. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength)
}

const packages = ['@redis/client']
export const contenders: readonly Contender[] = [
  {
    name: 'node-redis',
    packages,
    about: 'GET, MGET, SET PX and CBOR; its command timeout is off, as ours is: see the next',
    bare: true,
    settings: { redis: inCbor(0) },
  },
  {
    name: 'node-redis, default timeout',
    packages,
    about: 'the same with its default of 5 s, an abort signal per command',
    settings: { redis: inCbor(undefined) },
  },
  {
    name: 'node-redis, JSON',
    packages,
    about: 'GET, MGET, SET PX and JSON, timeout off: the bare part of those who store text',
    settings: { redis: inJson },
  },
]
