import type { Opened } from '../arena.ts'
import type { Row } from '../contender.ts'
import { keyOf } from './rows.ts'

/** Puts ids from 0 in; where there is no call for that, by loading. A few at a time: some connect with the first. */
export async function fill(
  { subject, prefix }: Pick<Opened, 'subject' | 'prefix'>,
  count: number,
  make: (id: number) => Row,
): Promise<void> {
  const { set, getOrLoad } = subject
  const one = (id: number) => {
    const key = keyOf(id, prefix)
    return set === undefined ? getOrLoad?.(key) : set(key, make(id))
  }
  await one(0)
  for (let id = 1; id < count; id += 64) {
    const few = Array.from({ length: Math.min(64, count - id) }, (_, more) => one(id + more))
    await Promise.all(few)
  }
}
