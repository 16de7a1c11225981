/** What a delete found: how many copies it removed, and `'missing'` for none. */
export interface DeleteStatus {
  readonly status: 'deleted' | 'missing'
  /** Copies removed: at most one per tier. */
  readonly count: number
}

const MISSING: DeleteStatus = Object.freeze({ status: 'missing', count: 0 })
const DELETED_ONE: DeleteStatus = Object.freeze({ status: 'deleted', count: 1 })

/**
 * What a delete answers with, for authors of backends.
 *
 * @param count - Copies removed, a whole number of 0 or more.
 */
export function deleteStatus(count: number): DeleteStatus {
  if (count === 0) return MISSING
  return count === 1 ? DELETED_ONE : { status: 'deleted', count }
}
