import type { Row } from '../contender.ts'
import { idOf } from './rows.ts'

/** A source that counts how often it was asked. */
export interface CountingLoader {
  readonly load: (key: string) => Promise<Row>
  /** Since the last time this was asked. */
  taken(): number
}

export function countingLoader(
  make: (id: number) => Row,
  before?: () => Promise<unknown>,
): CountingLoader {
  let loads = 0
  return {
    load: async (key) => {
      loads += 1
      if (before !== undefined) await before()
      return make(idOf(key))
    },
    taken: () => {
      const taken = loads
      loads = 0
      return taken
    },
  }
}
