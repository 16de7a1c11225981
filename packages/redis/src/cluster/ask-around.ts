import type { Clock, Timer } from '@hitbox/core'

/** How many are asked at once, and how many answers without news are believed. */
const ENOUGH = 3

/**
 * Asks candidates until one has news: three at once, and one more whenever one fails or nobody has answered for a while, so that
 * those who are silent hold up nobody. Three that have none, or all there are, will do.
 *
 * @param take - Given each answer. @returns whether it was news.
 * @throws what the last one failed with, when nobody answers.
 */
export function askAround<Candidate, Answer>(
  candidates: readonly Candidate[],
  ask: (candidate: Candidate) => Promise<Answer>,
  take: (answer: Answer) => boolean,
  clock: Clock,
  patienceMs: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = 0
    let asking = 0
    let answers = 0
    let timer: Timer | undefined
    const more = (): void => {
      timer?.cancel()
      const candidate = candidates[next]
      if (candidate === undefined) return
      next += 1
      asking += 1
      timer = clock.setTimeout(impatient, patienceMs)
      ask(candidate).then(
        (answer) => {
          asking -= 1
          answers += 1
          if (take(answer) || answers === ENOUGH || asking === 0) end(resolve)
        },
        (error: unknown) => {
          asking -= 1
          more()
          if (asking > 0) return
          if (answers > 0) end(resolve)
          else end(() => reject(error))
        },
      )
    }
    const impatient = (): void => {
      if (answers > 0) end(resolve)
      else more()
    }
    const end = (settle: () => void): void => {
      next = candidates.length
      timer?.cancel()
      settle()
    }
    for (let count = 0; count < ENOUGH; count += 1) more()
    if (asking === 0) reject(new Error('there is nobody to ask'))
  })
}
