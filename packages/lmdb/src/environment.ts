import {
  accessSync,
  constants,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  closeSync,
  statSync,
} from 'node:fs'
import { CacheError } from '@hitbox/core'
import { type Database, open, type RootDatabase, TransactionFlags } from 'lmdb'
import { type DataFile, dataFileIn, markClean, unmarkClean } from './data-file.ts'
import { checkFile, type FileFacts } from './file-check.ts'
import { FreshReader } from './fresh-reader.ts'
import { STAMP_BYTES } from './stamp.ts'

/** A named table of an LMDB file. Both of ours hold bytes under bytes. */
export type Table = Database<Buffer, Uint8Array>

const BYTES = { encoding: 'binary', keyEncoding: 'binary' } as const
/** Commits as soon as it returns; the disk may follow later. */
const COMMIT_NOW: TransactionFlags =
  TransactionFlags.SYNCHRONOUS_COMMIT | TransactionFlags.NO_SYNC_FLUSH

/** An open file: entries by their key, and their ends in order. */
export class Environment {
  readonly entries: Table
  readonly ends: Table
  readonly pageBytes: number
  readonly #root: RootDatabase<Buffer, Uint8Array>
  readonly #file: DataFile
  readonly #reader: FreshReader

  private constructor(file: DataFile, maxBytes: number) {
    this.#file = file
    this.#root = open<Buffer, Uint8Array>({
      ...BYTES,
      path: file.path,
      noSubdir: true,
      // Address space, not disk: ample, so that the file is not mapped anew while it grows.
      mapSize: 2 * maxBytes + 2 ** 26,
      maxDbs: 4,
      maxReaders: 512,
      noSync: file.lazySync,
    })
    try {
      this.entries = this.#root.openDB('entries', BYTES)
      this.ends = this.#root.openDB('ends', BYTES)
      this.pageBytes = (this.#root.getStats() as { readonly pageSize: number }).pageSize
      this.#root.resetReadTxn()
      this.#reader = new FreshReader(this.#root)
    } catch (error) {
      void this.#root.close()
      throw error
    }
  }

  /**
   * @throws {@link CacheError} `BACKEND_FAILED` when the file cannot be used; the message says what to do.
   */
  static open(directory: string, maxBytes: number, source: string): Environment {
    try {
      mkdirSync(directory, { recursive: true })
      accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
      const file = dataFileIn(directory)
      // The driver may end the process when it cannot open a file, so whatever can be known is asked before.
      for (const name of [file.path, `${file.path}-lock`]) {
        if (existsSync(name)) accessSync(name, constants.R_OK | constants.W_OK)
      }
      const facts = wholeFile(file.path)
      const environment = new Environment(file, maxBytes)
      if (facts !== undefined && facts.fileBytes < facts.fullBytes) environment.#lengthen(facts)
      return environment
    } catch (cause) {
      throw openError(source, directory, cause)
    }
  }

  /** What is stored under a key now, whoever wrote it. A copy. */
  read(key: Uint8Array): Buffer | undefined {
    return this.#reader.get(this.entries, key)
  }

  /** Whether an entry ends before `end`, a stamp. */
  hasEndBefore(end: Uint8Array): boolean {
    return this.#reader.firstKey(this.ends, end) !== undefined
  }

  /** Runs `change` in one transaction of all processes' turn-taking. When it throws, nothing of it has happened. */
  write<T>(change: () => T): T {
    return this.#root.transactionSync(() => {
      unmarkClean(this.#file.path)
      return change()
    }, COMMIT_NOW)
  }

  /** Bytes of the file, without those that LMDB has not written yet. */
  get fileBytes(): number {
    return statSync(this.#file.path).size
  }

  async close(): Promise<void> {
    try {
      if (this.#file.lazySync)
        this.#root.transactionSync(() => markClean(this.#file.path), COMMIT_NOW)
    } catch {
      // Without the mark the next boot begins anew, and that is all: not worth a failure to close.
    }
    this.#reader.close()
    await this.#root.close()
  }

  /**
   * The last pages of a file may be missing because they were free before they were ever written, or because somebody cut it.
   * Zeros in their place are harmless to LMDB; if then everything can be walked over, nothing was cut.
   */
  #lengthen({ fileBytes, fullBytes }: FileFacts): void {
    const file = openSync(this.#file.path, 'r+')
    try {
      this.#root.transactionSync(() => {
        if (statSync(this.#file.path).size >= fullBytes) return
        ftruncateSync(file, fullBytes)
        if (this.#isWhole()) return
        ftruncateSync(file, fileBytes)
        throw new Error('it is cut short')
      }, COMMIT_NOW)
    } catch (error) {
      void this.#root.close()
      throw error
    } finally {
      closeSync(file)
    }
  }

  #isWhole(): boolean {
    try {
      for (const { value } of this.ends.getRange()) if (value.length === 0) return false
      for (const { value } of this.entries.getRange()) {
        if (value.length <= STAMP_BYTES || value.subarray(0, STAMP_BYTES).every(isZero))
          return false
      }
      return true
    } catch {
      return false // LMDB met a page that is none
    }
  }
}

function isZero(byte: number): boolean {
  return byte === 0
}

function wholeFile(path: string): FileFacts | undefined {
  const facts = checkFile(path)
  if (typeof facts === 'string') throw new Error(`${path} cannot be used: ${facts}`)
  return facts
}

const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'give this user the right to read and write there',
  EPERM: 'give this user the right to read and write there',
  EROFS: 'choose a place that is not read-only',
  EEXIST: '"path" must name a directory, and a file is there',
  ENOTDIR: '"path" must name a directory, and a file is there',
  ENOSPC: 'make room on the disk',
}

function openError(
  source: string,
  directory: string,
  cause: unknown,
): CacheError<'BACKEND_FAILED'> {
  const { code, message } = cause as NodeJS.ErrnoException
  const advice =
    ADVICE[code ?? ''] ??
    'while no process uses the store, remove its directory, and it begins anew'
  return new CacheError(
    'BACKEND_FAILED',
    `backend "${source}" cannot open its store in ${directory}: ${message}; ${advice}`,
    { details: { source, operation: 'connect' }, cause },
  )
}
