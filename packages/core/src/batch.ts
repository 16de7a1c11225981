import { isPromise, type MaybePromise } from './maybe-promise.ts'

/** One item's outcome in a batch: an item that fails does not fail the others. */
export type ItemResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/** Runs one operation per item, all begun in this tick, and settles when the last has; order and duplicates are kept. */
export function settleEach<Item, T>(
  items: readonly Item[],
  operation: (item: Item, index: number) => MaybePromise<T>,
): MaybePromise<ItemResult<T>[]> {
  const results: ItemResult<T>[] = []
  const pending: Promise<void>[] = []
  for (let index = 0; index < items.length; index += 1) {
    const result = settle(operation, items[index] as Item, index)
    if (isPromise(result)) {
      results.push(PENDING)
      pending.push(
        result.then((settled) => {
          results[index] = settled
        }),
      )
    } else results.push(result)
  }
  return pending.length === 0 ? results : Promise.all(pending).then(() => results)
}

function settle<Item, T>(
  operation: (item: Item, index: number) => MaybePromise<T>,
  item: Item,
  index: number,
): MaybePromise<ItemResult<T>> {
  try {
    const answer = operation(item, index)
    return isPromise(answer) ? answer.then(succeeded, failed) : succeeded(answer)
  } catch (error) {
    return failed(error)
  }
}

/** The outcome of an item that went well. */
export const succeeded = <T>(value: T): ItemResult<T> => ({ ok: true, value })
/** The outcome of an item that failed, with anything as the reason. */
export const failed = (error: unknown): ItemResult<never> => ({ ok: false, error })

/** The value of an item that went well. @throws what it failed with. */
export function unwrap<T>(result: ItemResult<T>): T {
  if (result.ok) return result.value
  throw result.error
}

/** Keeps the place of an item that is not there yet. */
const PENDING: ItemResult<never> = failed(undefined)
