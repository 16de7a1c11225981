import type { HistoryEvent, HistoryRead } from './event.ts'
import { machineTime } from './machine-time.ts'

/** Makes the calls of one caller, and records them. */
export interface HistoryRecorder {
  /** Makes a read and records what it gave; when it rejects, nothing is recorded. */
  readonly read: (
    key: string,
    demand: HistoryRead['demand'],
    call: () => number | Promise<number>,
  ) => Promise<number>
  /** As {@link HistoryRecorder.read}, for several keys at once; what is given must be in their order. */
  readonly readMany: (
    keys: readonly string[],
    demand: HistoryRead['demand'],
    call: () => readonly number[] | Promise<readonly number[]>,
  ) => Promise<readonly number[]>
  /**
   * Makes an invalidation, or a `set`, and records it: as one that promises nothing when it rejects.
   *
   * @param versions - What the source had reached before, of each key that the call invalidates.
   */
  readonly invalidate: (
    versions: Readonly<Record<string, number>>,
    call: () => unknown,
  ) => Promise<void>
}

/**
 * Records the calls of one caller as {@link checkHistory} takes them, in {@link machineTime}. Rejections pass through.
 *
 * @param caller - Whose calls these are: each begins when the one before has ended, or they are not one caller's.
 * @param record - Told of each event when the call has settled.
 * @example
 * ```ts
 * import { checkHistory, type HistoryEvent, historyRecorder } from '@hitbox/testing'
 *
 * declare const cache: { get(key: string): Promise<{ version: number }>; delete(key: string): Promise<void> }
 *
 * const history: HistoryEvent[] = []
 * const request = historyRecorder('request 1', (event) => history.push(event))
 * await request.invalidate({ a: 2 }, () => cache.delete('a'))
 * await request.read('a', 'strong', async () => (await cache.get('a')).version)
 * console.log(checkHistory(history).violations)
 * ```
 */
export function historyRecorder(
  caller: string,
  record: (event: HistoryEvent) => void,
): HistoryRecorder {
  const readMany: HistoryRecorder['readMany'] = async (keys, demand, call) => {
    const startedAt = machineTime()
    const versions = await call()
    const moments = { startedAt, endedAt: machineTime() }
    if (versions.length !== keys.length)
      throw new Error(`the call gave ${versions.length} versions for ${keys.length} keys`)
    for (const [index, key] of keys.entries())
      record({ type: 'read', caller, key, ...moments, version: versions[index] as number, demand })
    return versions
  }
  return {
    readMany,
    async read(key, demand, call) {
      const [version] = await readMany([key], demand, async () => [await call()])
      return version as number
    },
    async invalidate(versions, call) {
      const startedAt = machineTime()
      let acknowledged = false
      try {
        await call()
        acknowledged = true
      } finally {
        const moments = { startedAt, endedAt: machineTime() }
        for (const [key, version] of Object.entries(versions))
          record({ type: 'invalidate', caller, key, ...moments, version, acknowledged })
      }
    },
  }
}
