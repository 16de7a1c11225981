import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import {
  type Backend,
  type CacheBackend,
  type DeleteStatus,
  deleteStatus,
  type Format,
  identityCompressor,
  knownOptions,
  LIFT_OPTIONS,
  liftBackend,
  type LiftOptions,
  type StoreRead,
  type StoreWrite,
  urlEncoded,
} from '@hitbox/core'

export interface FileBackendOptions extends LiftOptions {
  /** Where the files lie; made when missing. */
  readonly folder: string
}

/** Keeps each entry in a file of its own. */
export function fileBackend(options: FileBackendOptions): CacheBackend {
  knownOptions('fileBackend', options, ['folder', ...LIFT_OPTIONS])
  return liftBackend(new FileStore(options.folder), options)
}

const structured: Format = { id: 'structured', encode: serialize, decode: deserialize }

class FileStore implements Backend {
  readonly label = 'files'
  readonly keyFormat = urlEncoded
  readonly valueFormat = structured
  readonly compressor = identityCompressor
  readonly #folder: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
  }

  /** All processes of a machine read the same clock, so the envelope can carry the age of an entry. */
  storeTime(): number {
    return Date.now()
  }

  async read(key: string): Promise<StoreRead | undefined> {
    return readFile(this.#path(key)).then((bytes) => ({ bytes }), missing)
  }

  async write(key: string, { bytes }: StoreWrite): Promise<void> {
    // Renamed into place, so that a reader sees the old bytes or the new ones and never half of them.
    const draft = join(this.#folder, `${randomUUID()}.draft`)
    await writeFile(draft, bytes)
    await rename(draft, this.#path(key))
  }

  async remove(key: string): Promise<DeleteStatus> {
    const gone = await rm(this.#path(key)).then(() => true, missing)
    return deleteStatus(gone === true ? 1 : 0)
  }

  #path(key: string): string {
    return join(this.#folder, createHash('sha256').update(key).digest('hex'))
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
