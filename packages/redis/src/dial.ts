import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '@hitbox/core'
import { RedisClient, type RedisClientOptions, RESP_TYPES } from '@redis/client'
import { type Endpoint, serverName } from './endpoint.ts'
import { ClientSession, type Session } from './session.ts'

/** How to be let in, the same for every server of a backend. */
export interface Access {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** Options of `tls.connect`, or `undefined` for no TLS. */
  readonly tls: ConnectionOptions | undefined
  /** Whether a replica of a cluster is asked to answer reads. */
  readonly readOnly: boolean
}

/** What an attempt to connect takes. */
export interface Call {
  /** Gives the attempt up, whatever it waits for. */
  readonly signal: AbortSignal
  /** Told once, when the connection that came of it is lost. */
  readonly onLost: (session: Session, error: unknown) => void
}

/** Bytes that may wait in a socket before node-redis holds back the next command, so that a batch leaves in one write. */
const WRITE_AHEAD_BYTES = 2 ** 20

/**
 * Makes one connection with a client of its own, to be used up: it never reconnects, queues nothing while it is down, and
 * bounds no time, since all of that is done here, for all clients alike and to the end.
 */
export function dial(
  endpoint: Endpoint,
  access: Access,
  clock: Clock,
  { signal, onLost }: Call,
): Promise<Session> {
  return new Promise((resolve, reject) => {
    const client = new RedisClient(clientOptions(endpoint, access, signal))
    let session: Session | undefined
    const fail = (error: unknown): void => {
      // Later, since node-redis is about to reject what was pending with this very error.
      queueMicrotask(() => client.destroy())
      if (session === undefined) reject(error)
      else onLost(session, error)
    }
    client.on('error', fail)
    // A client that is destroyed while its socket connects goes on regardless.
    client.on('connect', () => {
      if (signal.aborted) client.destroy()
    })
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    client.connect().then(() => {
      if (signal.aborted) return client.destroy()
      session = new ClientSession(client, clock, () => client.destroy())
      resolve(session)
    }, fail)
  })
}

function clientOptions(
  endpoint: Endpoint,
  access: Access,
  signal: AbortSignal,
): RedisClientOptions {
  const { username, password, database, tls, readOnly } = access
  const common = {
    reconnectStrategy: false as const,
    connectTimeout: 0,
    signal,
    highWaterMark: WRITE_AHEAD_BYTES,
  }
  const secure = tls !== undefined && 'host' in endpoint
  return {
    socket: secure
      ? { servername: serverName(endpoint), ...tls, ...endpoint, ...common, tls: true }
      : { ...endpoint, ...common, tls: false },
    ...(password === undefined ? {} : { password }),
    ...(username === undefined ? {} : { username }),
    database,
    readonly: readOnly,
    RESP: 3,
    clientInfoTag: 'hitbox',
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    commandOptions: {
      // Else every command makes an AbortSignal, which costs half the speed and ends when the command is written.
      timeout: 0,
      typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
    },
  }
}
