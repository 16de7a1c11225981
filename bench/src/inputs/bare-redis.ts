import { createClient, RESP_TYPES } from '@redis/client'

/** As much of node-redis as is compared; the client's own type depends on how it maps replies. */
interface BareRedis<Text, Reply> {
  get(key: string): Promise<Reply | null>
  mGet(keys: string[]): Promise<(Reply | null)[]>
  set(key: string, value: Text, options: { readonly PX: number }): Promise<unknown>
  destroy(): void
}

/** node-redis with texts. Its default timeout of 5 s builds an abort signal per command and halves its speed; 0 is off. */
export async function bareRedis(url: string): Promise<BareRedis<string, string>> {
  const redis = createClient({ url, commandOptions: { timeout: 0 } })
  redis.on('error', () => {})
  await redis.connect()
  return redis
}

/** node-redis with bytes, as our backend uses it. `timeout`: `undefined` leaves its default. */
export async function bytesRedis(
  url: string,
  timeout: number | undefined,
): Promise<BareRedis<Buffer, Buffer>> {
  const redis = createClient({
    url,
    commandOptions: {
      ...(timeout === undefined ? {} : { timeout }),
      typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
    },
  })
  redis.on('error', () => {})
  await redis.connect()
  return redis
}
