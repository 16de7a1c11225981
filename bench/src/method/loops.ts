import type { Subject } from '../contender.ts'

/** What a loop asks for: keys, and the ids that must be found under them. */
export interface Asked {
  readonly keys: readonly string[]
  readonly ids: readonly number[]
}

// Each contender gets a copy of these of its own (`loopsOf`): were they shared, every call in them would see all contenders, V8 could
// inline none, and the quick ones would pay for that most. The sums are what keeps the compiler from leaving the reads out.

export function peekLoop(subject: Subject, asked: Asked, from: number, calls: number): number {
  const { keys } = asked
  const { peek } = subject
  if (peek === undefined) return Number.NaN
  let at = from % keys.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += (peek(keys[at] as string) as { id: number }).id
    at = at + 1 === keys.length ? 0 : at + 1
  }
  return sum
}

export async function getLoop(
  subject: Subject,
  asked: Asked,
  from: number,
  calls: number,
): Promise<number> {
  const { keys } = asked
  const { get } = subject
  if (get === undefined) return Number.NaN
  let at = from % keys.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += ((await get(keys[at] as string)) as { id: number }).id
    at = at + 1 === keys.length ? 0 : at + 1
  }
  return sum
}

export async function getOrLoadLoop(
  subject: Subject,
  asked: Asked,
  from: number,
  calls: number,
): Promise<number> {
  const { keys } = asked
  const { getOrLoad } = subject
  if (getOrLoad === undefined) return Number.NaN
  let at = from % keys.length
  let sum = 0
  for (let call = 0; call < calls; call += 1) {
    sum += ((await getOrLoad(keys[at] as string)) as { id: number }).id
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
