import {
  type Backend,
  type CacheBackend,
  CacheError,
  closedError,
  type Compressor,
  type DeleteStatus,
  deleteStatus,
  failed,
  type Format,
  type ItemResult,
  type KeyFormat,
  liftBackend,
  Reporter,
  settleEach,
  type StoreKey,
  type StoreRead,
  type StoreWrite,
  succeeded,
} from '@hitbox/core'
import { Environment } from './environment.ts'
import { type LmdbBackendOptions, resolveOptions, type ResolvedOptions } from './options.ts'
import { Room } from './room.ts'
import { endOf, makeStamp, STAMP_BYTES } from './stamp.ts'
import { Sweeper } from './sweeper.ts'
import { wallTime } from './wall-time.ts'

/**
 * Keeps values in a file that all processes of this machine share, and that outlives them.
 *
 * Opening is left to the first operation, or to `ready()`. Operations answer synchronously: a write has been committed when
 * it returns, so every process can read it from then on, and killing this one does not undo it.
 *
 * @example
 * ```ts
 * import { cacheValue } from '@hitbox/core'
 * import { lmdbBackend } from '@hitbox/lmdb'
 *
 * const lmdb = lmdbBackend({ path: '/var/cache/shop', maxBytes: 256 * 1024 * 1024 })
 * await lmdb.set('user:1', cacheValue({ name: 'Ada' }, { ttl: '1h' }))
 * console.log((await lmdb.get('user:1'))?.data) // { name: 'Ada' }
 * await lmdb.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option cannot be used.
 */
export function lmdbBackend(options: LmdbBackendOptions): CacheBackend {
  const resolved = resolveOptions(options)
  const { acceptFormats, acceptCompressors, maxValueBytes, maxRawBytes } = options
  const { clock, onEvent } = resolved
  return liftBackend(new LmdbStore(resolved), {
    acceptFormats,
    acceptCompressors,
    maxValueBytes,
    maxRawBytes,
    clock,
    onEvent,
  })
}

/** Writes that share one transaction, so that other processes wait for none for long. */
const MOST_PER_COMMIT = 256

interface Opened {
  readonly environment: Environment
  readonly room: Room
  readonly sweeper: Sweeper
}

class LmdbStore implements Backend<StoreKey> {
  readonly label: string
  readonly keyFormat: KeyFormat
  readonly valueFormat: Format
  readonly compressor: Compressor
  readonly #options: ResolvedOptions
  readonly #reporter: Reporter
  readonly #textKeys: boolean
  #opened: Opened | undefined
  #closed = false
  #serial = Math.floor(Math.random() * 2 ** 32)

  constructor(options: ResolvedOptions) {
    this.label = options.label
    this.keyFormat = options.keyFormat
    this.valueFormat = options.valueFormat
    this.compressor = options.compressor
    this.#options = options
    this.#reporter = new Reporter(options.onEvent)
    this.#textKeys = typeof options.keyFormat.encode('key') === 'string'
  }

  storeTime(): number {
    return wallTime()
  }

  read(key: StoreKey): StoreRead | undefined {
    const { environment } = this.#open()
    const stored = environment.read(toBytes(key))
    return stored === undefined ? undefined : { bytes: stored.subarray(STAMP_BYTES) }
  }

  write(key: StoreKey, entry: StoreWrite): void {
    const [result] = this.writeMany([[key, entry]])
    if (result?.ok === false) throw result.error
  }

  remove(key: StoreKey): DeleteStatus {
    const [result] = this.removeMany([key])
    if (result?.ok !== true) throw result?.error
    return result.value
  }

  readMany(keys: readonly StoreKey[]): ItemResult<StoreRead | undefined>[] {
    return settleEach(keys, (key) => this.read(key)) as ItemResult<StoreRead | undefined>[]
  }

  writeMany(items: readonly (readonly [StoreKey, StoreWrite])[]): ItemResult<void>[] {
    const opened = this.#open()
    return this.#inCommits(opened.environment, items, ([key, entry], evicted) => {
      this.#put(opened, toBytes(key), entry, evicted)
    })
  }

  removeMany(keys: readonly StoreKey[]): ItemResult<DeleteStatus>[] {
    const { environment } = this.#open()
    return this.#inCommits(environment, keys, (key) =>
      deleteStatus(removeEntry(environment, toBytes(key)) ? 1 : 0),
    )
  }

  async ready(): Promise<void> {
    this.#open()
  }

  async close(): Promise<void> {
    this.#closed = true
    const opened = this.#opened
    this.#opened = undefined
    opened?.sweeper.stop()
    await opened?.environment.close()
  }

  #open(): Opened {
    if (this.#closed) throw closedError(this.label)
    if (this.#opened !== undefined) return this.#opened
    const { path, maxBytes, sweepEveryMs, clock } = this.#options
    const environment = Environment.open(path, maxBytes, this.label)
    const room = new Room(environment, maxBytes)
    const sweeper = new Sweeper({
      environment,
      clock,
      everyMs: sweepEveryMs,
      onError: (error) => this.#sweepFailed(error),
    })
    this.#opened = { environment, room, sweeper }
    return this.#opened
  }

  /** Runs one change per item, many in each transaction. One that fails leaves the others of its transaction alone. */
  #inCommits<Item, T>(
    environment: Environment,
    items: readonly Item[],
    change: (item: Item, evicted: Buffer[]) => T,
  ): ItemResult<T>[] {
    const results: ItemResult<T>[] = []
    for (let from = 0; from < items.length; from += MOST_PER_COMMIT) {
      const part = items.slice(from, from + MOST_PER_COMMIT)
      const evicted: Buffer[] = []
      try {
        const done = environment.write(() =>
          part.map((item) => attempt(() => change(item, evicted))),
        )
        results.push(...done)
        this.#tellEvicted(evicted)
      } catch (error) {
        results.push(...part.map(() => failed(error)))
      }
    }
    return results
  }

  /** A write that is refused takes the old value with it: who wanted to replace it must not find it again. */
  #put(
    { environment, room }: Opened,
    key: Buffer,
    { bytes, ttlMs }: StoreWrite,
    evicted: Buffer[],
  ): void {
    const { entries, ends } = environment
    removeEntry(environment, key)
    const size = room.footprint(key.length, bytes.length + STAMP_BYTES)
    if (size > room.largestBytes) throw tooLarge(bytes.length, room.largestBytes)
    const now = wallTime()
    evicted.push(...room.make(size, now, this.#options.onFull === 'evict', this.label))
    const stamp = makeStamp(now + ttlMs, now, (this.#serial += 1))
    ends.putSync(stamp, key)
    entries.putSync(key, Buffer.concat([stamp, bytes]))
  }

  #tellEvicted(keys: readonly Buffer[]): void {
    if (!this.#reporter.active) return
    for (const bytes of keys) {
      const stored = bytes.toString()
      const key = this.keyFormat.decode(this.#textKeys ? stored : bytes) ?? stored
      this.#reporter.report({ type: 'evict', source: this.label, key })
    }
  }

  #sweepFailed(error: unknown): void {
    this.#reporter.report({ type: 'error', source: this.label, operation: 'sweep', error })
  }
}

/** Removes an entry with its record, inside a write. @returns whether there was one that had not ended. */
function removeEntry({ entries, ends }: Environment, key: Buffer): boolean {
  const stored = entries.getBinary(key)
  if (stored === undefined) return false
  ends.removeSync(stored.subarray(0, STAMP_BYTES))
  entries.removeSync(key)
  return endOf(stored) > wallTime()
}

function toBytes(key: StoreKey): Buffer {
  if (typeof key === 'string') return Buffer.from(key)
  return Buffer.from(key.buffer, key.byteOffset, key.length)
}

function attempt<T>(operation: () => T): ItemResult<T> {
  try {
    return succeeded(operation())
  } catch (error) {
    return failed(error)
  }
}

function tooLarge(bytes: number, maxBytes: number): CacheError<'TOO_LARGE'> {
  const message = `a value of ${bytes} bytes is larger than the store, which takes ${maxBytes}`
  return new CacheError('TOO_LARGE', message, { details: { bytes, maxBytes } })
}
