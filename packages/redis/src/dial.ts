import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '@hitbox/core'
import { RedisClient, type RedisClientOptions, RESP_TYPES } from '@redis/client'
import { PushCache } from './coherence/push-cache.ts'
import { type Endpoint, serverName } from './endpoint.ts'
import { greet, type GreetingTerms } from './greeting.ts'
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
  /** The connection that this one is to replace. */
  readonly lost?: Session | undefined
}

/** Bytes that may wait in a socket before node-redis holds back the next command, so that a batch leaves in one write. */
const WRITE_AHEAD_BYTES = 2 ** 20

/**
 * Makes one connection with a client of its own, to be used up: it never reconnects, queues nothing while it is down, and
 * bounds no time, since all of that is done here, for all clients alike and to the end.
 *
 * @param terms - Whether the server is greeted. Sentinels are not.
 */
export function dial(
  endpoint: Endpoint,
  access: Access,
  clock: Clock,
  call: Call,
  terms?: GreetingTerms,
): Promise<Session> {
  const { signal, onLost } = call
  return new Promise((resolve, reject) => {
    let session: ClientSession | undefined
    const pushes =
      terms &&
      new PushCache((key) => {
        if (session !== undefined) terms.sessions.told(session, key)
      })
    const client = new RedisClient(clientOptions(endpoint, access, signal, pushes))
    let used: Session | undefined
    const fail = (error: unknown): void => {
      // Later, since node-redis is about to reject what was pending with this very error.
      queueMicrotask(() => client.destroy())
      if (used === undefined) reject(error)
      else onLost(used, error)
    }
    client.on('error', fail)
    // A client that is destroyed while its socket connects goes on regardless.
    client.on('connect', () => {
      if (signal.aborted) client.destroy()
    })
    signal.addEventListener('abort', () => fail(signal.reason), { once: true })
    const begin = async (): Promise<void> => {
      await client.connect()
      if (signal.aborted) return client.destroy()
      session = new ClientSession(client, clock, () => client.destroy())
      if (terms !== undefined) await greet(session, terms)
      if (signal.aborted) return client.destroy()
      silence(call.lost, session)
      used = session
      resolve(session)
    }
    begin().catch(fail)
  })
}

/**
 * Has the server end the connection that was given up, before anything is sent on the new one: what it still holds of that must not be
 * carried out after what comes now. Only the process that gave out the number can be told it.
 */
function silence(lost: Session | undefined, session: Session): void {
  const { clientId, runId } = lost?.facts ?? {}
  if (clientId === undefined || runId === undefined || runId !== session.facts.runId) return
  // Most often there is none any more.
  session.send(['CLIENT', 'KILL', 'ID', String(clientId)]).catch(() => undefined)
}

function clientOptions(
  endpoint: Endpoint,
  access: Access,
  signal: AbortSignal,
  pushes: PushCache | undefined,
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
    ...(pushes === undefined ? {} : { clientSideCache: pushes }),
    maintNotifications: 'disabled',
    disableOfflineQueue: true,
    commandOptions: {
      // Else every command makes an AbortSignal, which costs half the speed and ends when the command is written.
      timeout: 0,
      typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer },
    },
  }
}
