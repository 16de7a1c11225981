import type { Clock, Timer } from '@hitbox/core'

/** How many are asked at once. */
const AT_ONCE = 3

/**
 * Asks candidates until one answers: three at once, and one more whenever one fails or nobody has answered for a while, so that
 * those who are silent hold up nobody.
 *
 * @throws what the last one failed with, when all have.
 */
export function firstAnswer<Candidate, Answer>(
  candidates: readonly Candidate[],
  ask: (candidate: Candidate) => Promise<Answer>,
  clock: Clock,
  patienceMs: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let next = 0
    let asking = 0
    let timer: Timer | undefined
    const more = (): void => {
      timer?.cancel()
      const candidate = candidates[next]
      if (candidate === undefined) return
      next += 1
      asking += 1
      timer = clock.setTimeout(more, patienceMs)
      ask(candidate).then(
        (answer) => {
          next = candidates.length
          timer?.cancel()
          resolve(answer)
        },
        (error: unknown) => {
          asking -= 1
          more()
          if (asking === 0) reject(error)
        },
      )
    }
    for (let count = 0; count < AT_ONCE; count += 1) more()
    if (asking === 0) reject(new Error('there is nobody to ask'))
  })
}
