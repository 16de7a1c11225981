import type { Request } from '../state/request.ts'

/** One distinct key of a batch. */
export interface Item<K> {
  readonly key: K
  readonly request: Request
}
