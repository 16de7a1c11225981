import type { Clock } from '@hitbox/core'
import { type Access, dial } from '../dial.ts'
import { type Endpoint, endpointId } from '../endpoint.ts'

/** Which sentinels to ask for which primary, and how. */
export interface Question {
  /** Under which the sentinels know the primary. */
  readonly name: string
  readonly sentinels: readonly Endpoint[]
  readonly access: Access
  readonly clock: Clock
  /** How long to wait for more than half of the sentinels to agree before the most named is believed. */
  readonly patienceMs: number
}

/**
 * Asks all sentinels at once for the primary: after a failover some of them may not know yet.
 *
 * @param signal - Ends it.
 */
export function primaryOf(question: Question, signal: AbortSignal): Promise<Endpoint> {
  const { sentinels, clock, patienceMs } = question
  return new Promise((resolve, reject) => {
    const votes = new Map<string, Vote>()
    let answers = 0
    let trouble: unknown
    const settle = (patient: boolean): void => {
      const [best] = [...votes.values()].toSorted((one, other) => other.count - one.count)
      const complete = answers === sentinels.length
      if (best !== undefined && (complete || !patient || best.count * 2 > sentinels.length)) {
        timer.cancel()
        resolve(best.endpoint)
      } else if (complete) {
        timer.cancel()
        reject(trouble)
      }
    }
    const timer = clock.setTimeout(() => settle(false), patienceMs)
    const answered = (): void => {
      answers += 1
      settle(true)
    }
    for (const sentinel of sentinels) {
      askOne(question, sentinel, signal).then(
        (endpoint) => {
          const id = endpointId(endpoint)
          votes.set(id, { endpoint, count: (votes.get(id)?.count ?? 0) + 1 })
          answered()
        },
        (error: unknown) => {
          trouble = error
          answered()
        },
      )
    }
  })
}

interface Vote {
  readonly endpoint: Endpoint
  readonly count: number
}

async function askOne(
  { name, access, clock }: Question,
  sentinel: Endpoint,
  signal: AbortSignal,
): Promise<Endpoint> {
  const session = await dial(sentinel, access, clock, { signal, onLost: () => undefined })
  try {
    const reply = await session.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name])
    if (reply === null) throw new Error('a sentinel knows of no primary of that name')
    const [host, port] = (reply as readonly [Buffer, Buffer]).map(String)
    return { host: host as string, port: Number(port) }
  } finally {
    session.end()
  }
}
