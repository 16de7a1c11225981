import type { Row } from '../contender.ts'

/** What a loop asks for: keys, and the ids that must be found under them. */
export interface Asked {
  readonly keys: readonly string[]
  readonly ids: readonly number[]
}

// Each method of each contender gets a copy of these of its own (`loopsOf`): were they shared, every call in them would see all of them, V8 could
// inline none, and the quick ones would pay for that most. The sums are what keeps the compiler from leaving the reads out.

/** For answers that are there at once. */
export function heldLoop(
  read: (key: string) => unknown,
  { keys }: Asked,
  from: number,
  calls: number,
): number {
  let at = from % keys.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += (read(keys[at] as string) as Row).id
    at = at + 1 === keys.length ? 0 : at + 1
  }
  return sum
}

/** For answers that are awaited, one after the other. */
export async function awaitedLoop(
  read: (key: string) => unknown,
  { keys }: Asked,
  from: number,
  calls: number,
): Promise<number> {
  let at = from % keys.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += ((await read(keys[at] as string)) as Row).id
    at = at + 1 === keys.length ? 0 : at + 1
  }
  return sum
}

/** The sum that a loop must come to. */
export function expectedSum({ ids }: Asked, from: number, calls: number): number {
  let at = from % ids.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += ids[at] as number
    at = at + 1 === ids.length ? 0 : at + 1
  }
  return sum
}
