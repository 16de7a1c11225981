import { CacheError } from '@hitbox/core'
import type { Environment, Table } from './environment.ts'
import { endOf, firstStampAt, STAMP_BYTES, writtenAtOf } from './stamp.ts'

/** Records that one look at an end of the order takes. */
const SAMPLE = 16
/** Bytes LMDB needs beside key and value of an entry and of its record of ends, about. */
const NODE_BYTES = 40

/**
 * Keeps the pages that entries use below the limit. LMDB itself knows none: it lengthens its file as it needs.
 *
 * Measuring costs microseconds, so it is done once for many writes: what may be written until the next time is a small share
 * of the limit, and so is what several processes can go over it together.
 */
export class Room {
  readonly #environment: Environment
  readonly #maxBytes: number
  readonly #pageBytes: number
  /** Bytes that may be written before measuring again. */
  #allowance = 0

  constructor(environment: Environment, maxBytes: number) {
    this.#environment = environment
    this.#maxBytes = maxBytes
    this.#pageBytes = environment.pageBytes
  }

  /** Largest entry that can ever fit. */
  get largestBytes(): number {
    return this.#limit(0.5) - 16 * this.#pageBytes
  }

  /** What an entry of this length uses in the file, about. */
  footprint(keyBytes: number, valueBytes: number): number {
    const bytes = 2 * keyBytes + valueBytes + NODE_BYTES + 2 * STAMP_BYTES
    // Small ones share pages, which are two thirds full in the long run; large ones begin pages of their own.
    if (bytes < this.#pageBytes / 2) return bytes * 1.5
    return (Math.ceil((valueBytes + NODE_BYTES) / this.#pageBytes) + 0.5) * this.#pageBytes
  }

  /**
   * Makes sure that there is room for `bytes` more, inside a write.
   *
   * @param evict - Whether others may go to make room.
   * @returns the keys of those that went.
   * @throws {@link CacheError} `BACKEND_FAILED` when there is none.
   */
  make(bytes: number, now: number, evict: boolean, source: string): Buffer[] {
    if (bytes <= this.#allowance) {
      this.#allowance -= bytes
      return []
    }
    const limit = this.#limit(this.#environment.fileBytes > this.#maxBytes ? 0.5 : 0.75)
    let used = this.#used()
    const evicted: Buffer[] = []
    // A little more than needed, so that the next writes need not evict at once.
    const spare = evict ? Math.floor(limit / 64) : 0
    while (used + bytes > limit) {
      const gone = evict ? this.#evict(now, used + bytes + spare - limit) : []
      if (gone.length === 0) break
      evicted.push(...gone)
      used = this.#used()
    }
    if (used + bytes > limit) throw fullError(source, this.#maxBytes)
    this.#allowance = Math.max(0, Math.min(limit - used - bytes, limit / 32))
    return evicted
  }

  #limit(share: number): number {
    return Math.floor(this.#maxBytes * share)
  }

  #used(): number {
    const { entries, ends } = this.#environment
    return usedBytes(entries) + usedBytes(ends)
  }

  /** Removes ended entries, or the longest written of a sample, until about `bytes` are free. */
  #evict(now: number, bytes: number): Buffer[] {
    const { entries, ends } = this.#environment
    const gone: Buffer[] = []
    let freed = 0
    for (const [stamp, key] of this.#candidates(now)) {
      if (freed >= bytes) break
      const stored = entries.getBinary(key)
      ends.removeSync(stamp)
      if (stored === undefined || !stamp.equals(stored.subarray(0, STAMP_BYTES))) continue
      entries.removeSync(key)
      freed += this.footprint(key.length, stored.length)
      gone.push(key)
    }
    return gone
  }

  /** Some of those that end soonest, of those without an end, and of any between; what has ended comes first, then the longest written. */
  #candidates(now: number): [Buffer, Buffer][] {
    const { ends } = this.#environment
    const found = new Map<string, [Buffer, Buffer]>()
    const look = (start: Buffer | undefined, limit: number): void => {
      for (const { key, value } of ends.getRange({ ...(start && { start }), limit })) {
        const stamp = Buffer.from(key)
        found.set(stamp.toString('latin1'), [stamp, Buffer.from(value)])
      }
    }
    look(undefined, SAMPLE)
    look(firstStampAt(Number.POSITIVE_INFINITY), SAMPLE)
    const spread = Math.max(0, lastWithEnd(ends) - now)
    for (let share = 0; share < 1; share += 0.25) {
      look(firstStampAt(now + (share + Math.random() / 4) * spread), SAMPLE / 4)
    }
    const rank = (stamp: Buffer): number => (endOf(stamp) <= now ? -1 : writtenAtOf(stamp))
    const sorted = [...found.values()].toSorted(([a], [b]) => rank(a) - rank(b))
    // Half of the sample: the rest may well be among the latest written of all.
    return sorted.slice(0, Math.ceil(sorted.length / 2))
  }
}

function lastWithEnd(ends: Table): number {
  const start = firstStampAt(Number.POSITIVE_INFINITY)
  for (const { key } of ends.getRange({ start, reverse: true, limit: 1 })) return endOf(key)
  return 0
}

interface TableStats {
  readonly pageSize: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

function usedBytes(table: Table): number {
  const stats = table.getStats() as TableStats
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return pages * stats.pageSize
}

function fullError(source: string, maxBytes: number): CacheError<'BACKEND_FAILED'> {
  const message = `backend "${source}" is full: "maxBytes" is ${maxBytes}; raise it, shorten lives, or set "onFull" to 'evict'`
  return new CacheError('BACKEND_FAILED', message, { details: { source, operation: 'write' } })
}
