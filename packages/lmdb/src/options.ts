import {
  type CacheListener,
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
  type StoreKey,
  systemClock,
  toLabel,
  toTimeout,
  urlEncoded,
  wholeNumber,
  type Clock,
} from '@hitbox/core'
import { cbor } from '@hitbox/formats/cbor'

/** Where an {@link lmdbBackend} keeps its entries, how many, and as what. */
export interface LmdbBackendOptions extends LiftOptions {
  /** A directory, made when it is not there. Every process of this machine that names the same one shares its entries. */
  readonly path: string
  /**
   * About how large the file may become, in bytes; from 1 MiB to 1 TiB. Three quarters of it hold entries, the rest is room for
   * transactions and for gaps between values of different sizes. Processes that share a store should agree on it.
   * @defaultValue 1 GiB
   */
  readonly maxBytes?: number | undefined
  /**
   * What a write does when there is no room. `evict`: makes room, ended entries first, then the longest written of a sample.
   * `fail`: fails with `BACKEND_FAILED`, and leaves what is there.
   * @defaultValue `'evict'`
   */
  readonly onFull?: 'evict' | 'fail' | undefined
  /** How often this process looks for entries that have ended, to remove them. More than 0 and finite. @defaultValue `'10s'` */
  readonly sweepEvery?: DurationInput | undefined
  /** @defaultValue `'lmdb'` */
  readonly label?: string | undefined
  /** Keys longer than 1,024 bytes are hashed in any case: LMDB bounds them. @defaultValue `urlEncoded` */
  readonly keyFormat?: KeyFormat | undefined
  /** @defaultValue `cbor` */
  readonly valueFormat?: Format | undefined
  /** @defaultValue `identityCompressor` */
  readonly compressor?: Compressor | undefined
}

/** Every option present and checked. */
export interface ResolvedOptions {
  readonly path: string
  readonly maxBytes: number
  readonly onFull: 'evict' | 'fail'
  readonly sweepEveryMs: number
  readonly label: string
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly clock: Clock
  readonly onEvent: CacheListener | undefined
}

const NAMES: readonly string[] = [
  'path',
  'maxBytes',
  'onFull',
  'sweepEvery',
  'label',
  'keyFormat',
  'valueFormat',
  'compressor',
  ...LIFT_OPTIONS,
]

/** LMDB takes 1,978; the rest is for keys whose characters are more than one byte each. */
const MAX_KEY_BYTES = 1_024

export function resolveOptions(options: LmdbBackendOptions): ResolvedOptions {
  knownOptions('lmdbBackend', options, NAMES)
  const { path, maxBytes = 2 ** 30, onFull = 'evict', onEvent, clock = systemClock } = options
  if (typeof path !== 'string' || path === '') {
    throw invalidOption('path', 'the path of a directory', path)
  }
  return Object.freeze({
    path,
    maxBytes: wholeNumber('maxBytes', maxBytes, { min: 2 ** 20, max: 2 ** 40 }),
    onFull: oneOf('onFull', onFull, ['evict', 'fail']),
    sweepEveryMs: toTimeout(options.sweepEvery ?? '10s', 'sweepEvery'),
    label: toLabel(options.label ?? 'lmdb'),
    keyFormat: bounded(options.keyFormat ?? urlEncoded),
    valueFormat: options.valueFormat ?? cbor,
    compressor: options.compressor ?? identityCompressor,
    clock,
    onEvent,
  })
}

function bounded(keyFormat: KeyFormat): KeyFormat {
  if (typeof keyFormat?.encode !== 'function' || typeof keyFormat.decode !== 'function') {
    throw invalidOption('keyFormat', 'a key format with encode and decode', keyFormat)
  }
  return hashed<StoreKey>(keyFormat, { maxBytes: MAX_KEY_BYTES })
}
