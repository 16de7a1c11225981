/** What a batch gives for each id. */
type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown }

/**
 * Makes one question of all that is asked for in one tick, as a DataLoader does. Code that wants one thing asks for one thing,
 * and the batches come of themselves.
 *
 * @param loadMany - Gives one result per id, in their order.
 */
export function collecting<Id, T>(
  loadMany: (ids: readonly Id[]) => Promise<readonly Result<T>[]>,
): (id: Id) => Promise<T> {
  let open: { readonly ids: Id[]; readonly results: Promise<readonly Result<T>[]> } | undefined
  return async (id) => {
    if (open === undefined) {
      const ids: Id[] = []
      const results = new Promise<void>((resolve) => {
        process.nextTick(resolve)
      }).then(() => {
        open = undefined
        return loadMany(ids)
      })
      open = { ids, results }
    }
    const { ids, results } = open
    const place = ids.push(id) - 1
    const result = (await results)[place]
    if (result?.ok === true) return result.value
    throw result?.error
  }
}
