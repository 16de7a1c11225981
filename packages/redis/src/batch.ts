import { type CacheError, failed, type ItemResult, type Operation, succeeded } from '@hitbox/core'
import type { Dispatcher } from './dispatcher.ts'
import { failureOf, isLoss } from './failure.ts'
import type { Parcel } from './layout.ts'
import type { Line } from './line.ts'
import type { Session } from './session.ts'

/** Which commands to send for some of the items; the parcels follow the order of `items`. */
export type SendItems<T> = (session: Session, items: readonly number[]) => Parcel<T>[]

/**
 * Runs one operation per item on one line, as one batch: what was answered stays, what was lost with the connection is sent
 * again, and when the time is over only those fail that have no answer.
 *
 * @param items - Indices, each once, into `results`, which is filled.
 */
export async function runBatch<T>(
  dispatcher: Dispatcher,
  operation: Operation,
  line: Line,
  items: readonly number[],
  results: ItemResult<T>[],
  send: SendItems<T>,
): Promise<void> {
  const { label } = dispatcher.settings
  let open = items
  let over = false
  const exchange = async (session: Session): Promise<void> => {
    const lost: number[] = []
    let loss: unknown
    let at = 0
    const parcels = send(session, open).map((parcel) => {
      const mine = open.slice(at, at + parcel.count)
      at += parcel.count
      return parcel.answer.then(
        (answers) => {
          if (over) return
          for (let index = 0; index < mine.length; index += 1)
            results[mine[index] as number] = succeeded(answers[index] as T)
        },
        (error: unknown) => {
          if (over) return
          if (!isLoss(error)) return fill(results, mine, failureOf(label, operation, error))
          loss = error
          for (const item of mine) lost.push(item)
        },
      )
    })
    await Promise.all(parcels)
    open = lost
    if (loss !== undefined) throw loss
  }
  try {
    await dispatcher.run(operation, line, { send: exchange, take: () => undefined }, items.length)
  } catch (error) {
    over = true
    for (const item of items) if (results[item] === undefined) results[item] = failed(error)
  }
}

function fill<T>(results: ItemResult<T>[], items: readonly number[], error: CacheError): void {
  for (const item of items) results[item] = failed(error)
}
