import { isIP } from 'node:net'
import { CacheError, invalidOption, wholeNumber } from '@hitbox/core'

/** Where a server listens. */
export type Endpoint =
  | { readonly host: string; readonly port: number }
  /** A unix socket. */
  | { readonly path: string }

/** What a url says, besides where. */
export interface Target {
  readonly endpoint: Endpoint
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly database?: number | undefined
  readonly tls: boolean
}

/** A server by its parts. */
export interface EndpointOptions {
  /** @defaultValue `'localhost'` */
  readonly host?: string | undefined
  /** @defaultValue 6379 */
  readonly port?: number | undefined
  /** Path of a unix socket, instead of `host` and `port`. */
  readonly path?: string | undefined
}

/** Whether TLS is spoken, by scheme. */
const SCHEMES: ReadonlyMap<string, boolean> = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
])
const UNIX =
  /^(?:redis\+unix|unix):(?:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?)?(\/[^/?#][^?#]*)(\?[^#]*)?$/
const DEFAULT_PORT = 6_379
const HIGHEST_DATABASE = 2 ** 31 - 1

/**
 * Reads a server's url. What is wrong with one is told without the url, which may hold a password.
 *
 * @param option - Name of the option, for the error message.
 * @throws {@link CacheError} `INVALID_OPTION`.
 */
export function parseUrl(url: string, option: string, usualPort: number = DEFAULT_PORT): Target {
  const unix = UNIX.exec(url)
  if (unix !== null) return parseUnix(unix, option)
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  const tls = parsed === undefined ? undefined : SCHEMES.get(parsed.protocol)
  if (parsed === undefined || tls === undefined) throw badUrl(option, 'a url of a known scheme')
  const { hostname, port, username, password, pathname, searchParams } = parsed
  if (hostname === '') throw badUrl(option, 'a url with a host')
  if (!/^(?:\/\d*)?$/.test(pathname)) throw badUrl(option, 'a url whose path is a database number')
  const path = pathname.length > 1 ? pathname.slice(1) : undefined
  return {
    // An IPv6 address stands in brackets in a url only.
    endpoint: {
      host: unescape(hostname.replace(/^\[(.*)\]$/, '$1'), option),
      port: checkPort(port === '' ? usualPort : Number(port), option),
    },
    username: username === '' ? undefined : unescape(username, option),
    password: password === '' ? undefined : unescape(password, option),
    database: databaseOf(path, searchParams, option),
    tls,
  }
}

/**
 * Reads a server's parts.
 *
 * @throws {@link CacheError} `INVALID_OPTION`.
 */
export function parseEndpoint(
  options: EndpointOptions,
  option: string,
  usualPort: number = DEFAULT_PORT,
): Endpoint {
  const { host = 'localhost', port = usualPort, path } = options
  if (path !== undefined) {
    if (options.host !== undefined || options.port !== undefined) {
      throw invalidOption(`${option}.path`, 'given without host and port', path)
    }
    if (typeof path === 'string' && path !== '') return { path }
    throw invalidOption(`${option}.path`, 'the path of a unix socket', path)
  }
  if (typeof host !== 'string' || host === '') {
    throw invalidOption(`${option}.host`, 'the name or address of a host', host)
  }
  return { host, port: checkPort(port, `${option}.port`) }
}

export function checkDatabase(database: unknown, option: string): number {
  return wholeNumber(option, database, { min: 0, max: HIGHEST_DATABASE })
}

/** The name a server's certificate must carry, where it can have one. */
export function serverName(endpoint: Endpoint): string | undefined {
  return 'host' in endpoint && isIP(endpoint.host) === 0 ? endpoint.host : undefined
}

/** Tells endpoints apart. */
export function endpointId(endpoint: Endpoint): string {
  return 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`
}

function parseUnix(match: RegExpExecArray, option: string): Target {
  const [, username = '', password = '', path = '', query = ''] = match
  return {
    endpoint: { path: unescape(path, option) },
    username: username === '' ? undefined : unescape(username, option),
    password: password === '' ? undefined : unescape(password, option),
    database: databaseOf(undefined, new URLSearchParams(query), option),
    tls: false,
  }
}

function databaseOf(
  path: string | undefined,
  query: URLSearchParams,
  option: string,
): number | undefined {
  for (const name of query.keys()) {
    if (name !== 'db') throw badUrl(option, 'a url with no other parameter than "db"')
  }
  const text = path ?? query.get('db')
  if (text === null) return undefined
  if (!/^\d+$/.test(text)) throw badUrl(option, 'a url whose database is a number')
  return checkDatabase(Number(text), option)
}

function checkPort(port: unknown, option: string): number {
  return wholeNumber(option, port, { min: 1, max: 65_535 })
}

function unescape(text: string, option: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw badUrl(option, 'a url whose parts are percent-escaped') // its cause would repeat the text
  }
}

function badUrl(option: string, expected: string): CacheError<'INVALID_OPTION'> {
  const forms = 'redis://host:6379/0, rediss://…, valkey://… or redis+unix:///path?db=0'
  return new CacheError('INVALID_OPTION', `"${option}" must be ${expected}, like ${forms}`, {
    details: { option, value: undefined },
  })
}
