import type { ConnectionOptions } from 'node:tls'
import {
  type Clock,
  type Compressor,
  type DurationInput,
  type Format,
  hashed,
  identityCompressor,
  invalidOption,
  type KeyFormat,
  knownOptions,
  LIFT_OPTIONS,
  type LiftOptions,
  oneOf,
  Reporter,
  systemClock,
  toLabel,
  toTimeout,
  urlEncoded,
  wholeNumber,
} from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'
import { planOf, type RedisConnection, type RedisPlan } from './connection.ts'
import type { Access } from './dial.ts'
import type { DispatcherSettings } from './dispatcher.ts'
import { checkDatabase, type Endpoint } from './endpoint.ts'
import type { EpochPolicy } from './epoch.ts'
import { KeepAlive } from './keep-alive.ts'
import type { LinkSettings } from './link.ts'
import { Sessions } from './sessions.ts'
import { tlsOptions } from './tls-options.ts'
import { yesOrNo } from './yes-or-no.ts'

/** What a {@link redisBackend} is connected to, how long it waits, and how it keeps values. */
export interface RedisBackendOptions extends LiftOptions {
  /** Where to connect to: made by {@link single}, {@link cluster}, {@link sentinel} or {@link client}. */
  readonly connection: RedisConnection
  /** ACL user; wins over the one in a url. Needs a password. @defaultValue the default user */
  readonly username?: string | undefined
  /** Wins over the one in a url. @defaultValue none */
  readonly password?: string | undefined
  /** Number of the database; a cluster has only 0. Wins over the one in a url. @defaultValue 0 */
  readonly database?: number | undefined
  /** `true`, or options of Node's `tls.connect`; `rediss://` means `true`. @defaultValue no TLS but where a url says so */
  readonly tls?: boolean | ConnectionOptions | undefined
  /** Name in errors, events and source paths. @defaultValue `'redis'` */
  readonly label?: string | undefined
  /** What Redis sees of a key. Longer than 1,024 bytes it becomes a hash. @defaultValue `urlEncoded` */
  readonly keyFormat?: KeyFormat | undefined
  /** @defaultValue `cbor` */
  readonly valueFormat?: Format | undefined
  /** @defaultValue none: bytes stay as they are */
  readonly compressor?: Compressor | undefined
  /**
   * `string`: an envelope under one key, with checksum and proof of the key. `hash`: fields `d` and `s`, for sharing with the Rust
   * framework; slower, and without both.
   * @defaultValue `'string'`
   */
  readonly layout?: 'string' | 'hash' | undefined
  /** Longest a connection may take to be usable: name, TCP, TLS and login. @defaultValue `'1s'` */
  readonly connectTimeout?: DurationInput | undefined
  /** Longest any operation may take, the wait for a connection included; a batch counts as one. @defaultValue `'1s'` */
  readonly responseTimeout?: DurationInput | undefined
  /** How often an operation is sent again, within its time, when the connection was lost before the answer. 0 to 10. @defaultValue 1 */
  readonly retries?: number | undefined
  /** Commands that may be under way; further operations fail at once with `OVERLOADED`. @defaultValue 10,000 */
  readonly maxPending?: number | undefined
  /** Lets the `v8` format in, which is not made for bytes that others can write. @defaultValue false */
  readonly allowV8?: boolean | undefined
  /**
   * How tiers above learn what others change; nothing of it is done before one asks. `auto`: from the server where it tracks (`CLIENT TRACKING`),
   * else by messages between those who use this library. `tracking`: connecting fails with `UNSUPPORTED` where the server does not.
   * `pubsub`: by messages in any case. `off`: not at all. With a client of your own and with `readFromReplicas` there is nothing to choose.
   * @defaultValue `'auto'`
   */
  readonly coherence?: 'auto' | 'tracking' | 'pubsub' | 'off' | undefined
  /** Longest that a copy in a tier above may be behind, whatever is lost. 30 ms or more. @defaultValue `'1s'` */
  readonly maxStale?: DurationInput | undefined
  /** How long the right to fill a key lasts unless it is renewed. 50 ms or more. @defaultValue `'1s'` */
  readonly leaseTime?: DurationInput | undefined
  /**
   * What becomes of entries that were written before the server lost its memory, or by another primary that is gone: of what was acknowledged
   * then, something may be missing. `strict`: they are misses. `serve-stale`: they are stale. `ignore`: they count like all others.
   * Layout `string` only.
   * @defaultValue `'strict'`
   */
  readonly epoch?: EpochPolicy | undefined
}

/** How copies are kept in line. */
export interface Coherent {
  /** `undefined`: they are not; `none`: there is nobody to tell anything. */
  readonly wish: 'auto' | 'tracking' | 'pubsub' | 'none' | undefined
  readonly maxStaleMs: number
  readonly leaseMs: number
  readonly policy: EpochPolicy
  readonly database: number
  /** Whether all that is read is what was written last. */
  readonly primariesOnly: boolean
}

/** Every option present and checked. */
export interface Resolved {
  readonly plan: RedisPlan
  readonly access: Access
  /** How to be let in by sentinels, where there are some. */
  readonly sentinelAccess: Access
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly layout: 'string' | 'hash'
  readonly settings: DispatcherSettings & LinkSettings
  readonly coherent: Coherent
  readonly lift: LiftOptions
}

const NAMES = [
  'connection',
  'username',
  'password',
  'database',
  'tls',
  'label',
  'keyFormat',
  'valueFormat',
  'compressor',
  'layout',
  'connectTimeout',
  'responseTimeout',
  'retries',
  'maxPending',
  'allowV8',
  'coherence',
  'maxStale',
  'leaseTime',
  'epoch',
] as const

export function resolveOptions(options: RedisBackendOptions): Resolved {
  knownOptions('redisBackend', options, [...NAMES, ...LIFT_OPTIONS])
  const plan = planOf(options.connection)
  const valueFormat = options.valueFormat ?? cbor
  if (!yesOrNo('allowV8', options.allowV8))
    refuseV8([valueFormat, ...(options.acceptFormats ?? [])])
  const clock: Clock = options.clock ?? systemClock
  const { acceptFormats, acceptCompressors, maxValueBytes, maxRawBytes, onEvent } = options
  const access = accessOf(options, plan)
  return {
    plan,
    access,
    sentinelAccess: sentinelAccessOf(plan, access),
    keyFormat: hashed(checkKeyFormat(options.keyFormat ?? urlEncoded)),
    valueFormat,
    compressor: options.compressor ?? identityCompressor,
    layout: oneOf('layout', options.layout ?? 'string', ['string', 'hash']),
    settings: {
      label: toLabel(options.label ?? 'redis'),
      clock,
      reporter: new Reporter(onEvent),
      keepAlive: new KeepAlive(),
      sessions: new Sessions(),
      connectTimeoutMs: toTimeout(options.connectTimeout ?? '1s', 'connectTimeout'),
      responseTimeoutMs: toTimeout(options.responseTimeout ?? '1s', 'responseTimeout'),
      retries: wholeNumber('retries', options.retries ?? 1, { min: 0, max: 10 }),
      maxPending: wholeNumber('maxPending', options.maxPending ?? 10_000, { min: 1 }),
    },
    coherent: coherentOf(options, plan, access.database),
    lift: { acceptFormats, acceptCompressors, maxValueBytes, maxRawBytes, onEvent, clock },
  }
}

const SHORTEST_STALE_MS = 30
const SHORTEST_LEASE_MS = 50

function coherentOf(options: RedisBackendOptions, plan: RedisPlan, database: number): Coherent {
  const primariesOnly = plan.mode !== 'cluster' || !plan.cluster.readFromReplicas
  const coherence = oneOf('coherence', options.coherence ?? 'auto', WISHES)
  const fixedWish = plan.mode === 'client' || !primariesOnly
  if (fixedWish && (coherence === 'tracking' || coherence === 'pubsub')) {
    const what = primariesOnly ? 'a client of your own' : '"readFromReplicas"'
    throw invalidOption('coherence', `"auto" or "off" with ${what}`, coherence)
  }
  const none = plan.mode === 'client' ? 'none' : coherence
  return {
    wish: coherence === 'off' || !primariesOnly ? undefined : (none as Coherent['wish']),
    maxStaleMs: atLeast('maxStale', options.maxStale ?? '1s', SHORTEST_STALE_MS),
    leaseMs: Math.ceil(atLeast('leaseTime', options.leaseTime ?? '1s', SHORTEST_LEASE_MS)),
    policy: oneOf('epoch', options.epoch ?? 'strict', ['strict', 'serve-stale', 'ignore']),
    database,
    primariesOnly,
  }
}

const WISHES = ['auto', 'tracking', 'pubsub', 'off'] as const

function atLeast(option: string, input: DurationInput, leastMs: number): number {
  const duration = toTimeout(input, option)
  if (duration >= leastMs) return duration
  throw invalidOption(option, `${leastMs} ms or more`, input)
}

function accessOf(options: RedisBackendOptions, plan: RedisPlan): Access {
  if (plan.mode === 'client') return refuseAccess(options)
  const { target } = plan
  const username = text('username', options.username) ?? target.username
  const password = text('password', options.password) ?? target.password
  const database =
    (options.database === undefined
      ? target.database
      : checkDatabase(options.database, 'database')) ?? 0
  if (plan.mode === 'cluster' && database !== 0) {
    throw invalidOption('database', '0, the only one of a cluster', database)
  }
  const tls = tlsOptions(options.tls, target.tls)
  const sockets = endpointsOf(plan).some((endpoint) => 'path' in endpoint)
  if (sockets && (tls !== undefined || plan.mode !== 'single')) {
    const option = tls === undefined ? 'nodes' : 'tls'
    throw invalidOption(option, 'used without a unix socket', 'one')
  }
  return checkLogin({ username, password, database, tls, readOnly: false })
}

/** How to be let in by sentinels. Where only a url asks for TLS, they share the authorities that the servers are trusted by. */
function sentinelAccessOf(plan: RedisPlan, access: Access): Access {
  if (plan.mode !== 'sentinel') return access
  const { username, password } = plan.sentinelTarget
  const tls = plan.sentinelTls === undefined ? undefined : { ...access.tls, ...plan.sentinelTls }
  return checkLogin({ username, password, database: 0, tls, readOnly: false })
}

/** node-redis would log in as the default user instead. */
function checkLogin(access: Access): Access {
  if (access.username === undefined || access.password !== undefined) return access
  throw invalidOption('password', 'given together with a username', undefined)
}

function endpointsOf(plan: Exclude<RedisPlan, { readonly mode: 'client' }>): readonly Endpoint[] {
  switch (plan.mode) {
    case 'single':
      return [plan.target.endpoint]
    case 'cluster':
      return plan.cluster.seeds
    case 'sentinel':
      return plan.sentinel.sentinels
    default:
      return plan satisfies never
  }
}

/** A client of the user's has all this already. */
function refuseAccess(options: RedisBackendOptions): Access {
  for (const name of ['username', 'password', 'database', 'tls', 'connectTimeout'] as const) {
    if (options[name] === undefined) continue
    throw invalidOption(name, 'left to the client that is passed in', typeof options[name])
  }
  return {
    username: undefined,
    password: undefined,
    database: 0,
    tls: undefined,
    readOnly: false,
  }
}

function text(option: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '')) return value
  throw invalidOption(option, 'a text that is not empty', typeof value)
}

function checkKeyFormat(format: KeyFormat): KeyFormat {
  const usable =
    typeof format === 'object' &&
    format !== null &&
    typeof format.encode === 'function' &&
    typeof format.decode === 'function'
  if (usable) return format
  throw invalidOption('keyFormat', 'an object with encode and decode', format)
}

function refuseV8(formats: readonly Format[]): void {
  if (!formats.some((format) => format?.id === 'v8')) return
  throw invalidOption('valueFormat', 'another format than "v8", or allowed by "allowV8"', 'v8')
}
