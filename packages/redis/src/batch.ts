import { CacheError, failed, type ItemResult, type Operation, succeeded } from '@hitbox/core'
import type { Dispatcher } from './dispatcher.ts'
import { failureOf, isLoss } from './failure.ts'
import { fixed } from './fixed.ts'
import type { Line, Route } from './line.ts'
import { MOST_HOPS } from './run.ts'
import type { Session } from './session.ts'

/** Takes the answers for items as they come. */
export interface Sink<T> {
  one(item: number, answer: Promise<T>): void
  /** @param answers - In the order of `items`. */
  many(items: readonly number[], answers: Promise<readonly T[]>): void
}

/** Sends the commands for some of the items, all at once. */
export type SendItems<T> = (session: Session, items: readonly number[], sink: Sink<T>) => void

/**
 * One operation for each of many keys, as few writes as there are lines: what was answered stays, what was lost or belongs
 * elsewhere is sent again, and when the time is over only those items fail that have no answer.
 */
export class Batch<T> {
  readonly #dispatcher: Dispatcher
  readonly #operation: Operation
  readonly #routes: readonly Route[]
  readonly #send: SendItems<T>
  readonly #results: (ItemResult<T> | undefined)[] = []
  #due = 0

  constructor(
    dispatcher: Dispatcher,
    operation: Operation,
    routes: readonly Route[],
    send: SendItems<T>,
  ) {
    this.#dispatcher = dispatcher
    this.#operation = operation
    this.#routes = routes
    this.#send = send
  }

  /** Called once. Never rejects. */
  async run(): Promise<ItemResult<T>[]> {
    const { clock, responseTimeoutMs, retries } = this.#dispatcher.settings
    this.#due = clock.now() + responseTimeoutMs
    const items: number[] = []
    const lines: Line[] = []
    for (const route of this.#routes) {
      items.push(lines.length)
      lines.push(route.line())
      this.#results.push(undefined)
    }
    await this.#carryAll(items, lines, retries, MOST_HOPS)
    // Every item was answered or has failed.
    return this.#results as ItemResult<T>[]
  }

  async #carryAll(
    items: readonly number[],
    lines: readonly Line[],
    retries: number,
    hops: number,
  ): Promise<void> {
    const groups = new Map<Line, number[]>()
    for (let at = 0; at < items.length; at += 1) {
      const line = lines[at] as Line
      const group = groups.get(line)
      if (group === undefined) groups.set(line, [items[at] as number])
      else group.push(items[at] as number)
    }
    await Promise.all(
      Array.from(groups, ([line, group]) => this.#carry(group, line, retries, hops)),
    )
  }

  /** Sends the items of one line together, and what then has to be sent again. */
  async #carry(items: readonly number[], line: Line, retries: number, hops: number): Promise<void> {
    const sending = new Sending<T>(this.#results, (item, error) =>
      this.#refused(item, error, line, hops, sending),
    )
    try {
      const send = (session: Session): Promise<unknown> => {
        this.#send(session, items, sending)
        return sending.done()
      }
      const terms = { weight: items.length, due: this.#due, retries: 0 }
      await this.#dispatcher.run(this.#operation, fixed(line), { send, take: nothing }, terms)
    } catch (error) {
      // Answers that come from now on are too late.
      sending.over = true
      const open = items.filter((item) => this.#results[item] === undefined)
      if (!CacheError.is(error, 'BACKEND_FAILED')) return this.#fail(open, error)
      // There was no connection to be had.
      for (const item of open) sending.lost.push(item)
      sending.loss = error
    }
    const { moved, lost, loss } = sending
    const again = retries > 0 && isLoss(loss)
    for (const item of lost) {
      const now = this.#routeOf(item).line()
      if (hops > 0 && (again || now !== line)) moved.set(item, now)
      else this.#fail([item], loss)
    }
    const left = lost.length > 0 && again ? retries - 1 : retries
    await this.#carryAll([...moved.keys()], [...moved.values()], left, hops - 1)
  }

  #refused(item: number, error: unknown, from: Line, hops: number, sending: Sending<T>): void {
    const elsewhere = hops > 0 ? this.#routeOf(item).redirect(error, from) : undefined
    if (elsewhere !== undefined) sending.moved.set(item, elsewhere)
    else if (!isLoss(error)) this.#fail([item], error)
    else {
      sending.lost.push(item)
      sending.loss = error
    }
  }

  #fail(items: readonly number[], error: unknown): void {
    const { label } = this.#dispatcher.settings
    const failure = failed(failureOf(label, this.#operation, error))
    for (const item of items) this.#results[item] = failure
  }

  #routeOf(item: number): Route {
    return this.#routes[item] as Route
  }
}

/** What becomes of the items of one line. */
class Sending<T> implements Sink<T> {
  /** To be sent elsewhere. */
  readonly moved = new Map<number, Line>()
  /** Without an answer, since the connection was lost. */
  readonly lost: number[] = []
  loss: unknown
  over = false
  readonly #results: (ItemResult<T> | undefined)[]
  readonly #refuse: (item: number, error: unknown) => void
  #open = 0
  #finish: (() => void) | undefined

  constructor(
    results: (ItemResult<T> | undefined)[],
    refuse: (item: number, error: unknown) => void,
  ) {
    this.#results = results
    this.#refuse = refuse
  }

  one(item: number, answer: Promise<T>): void {
    this.#open += 1
    answer.then(
      (value) => {
        if (!this.over) this.#results[item] = succeeded(value)
        this.#closed()
      },
      (error: unknown) => {
        if (!this.over) this.#refuse(item, error)
        this.#closed()
      },
    )
  }

  many(items: readonly number[], answers: Promise<readonly T[]>): void {
    this.#open += 1
    answers.then(
      (values) => {
        for (let at = 0; at < items.length && !this.over; at += 1)
          this.#results[items[at] as number] = succeeded(values[at] as T)
        this.#closed()
      },
      (error: unknown) => {
        for (const item of items) if (!this.over) this.#refuse(item, error)
        this.#closed()
      },
    )
  }

  /** Resolves when all answers are here. */
  done(): Promise<void> {
    return new Promise((resolve) => {
      this.#finish = resolve
      if (this.#open === 0) resolve()
    })
  }

  #closed(): void {
    this.#open -= 1
    if (this.#open === 0) this.#finish?.()
  }
}

function nothing(): void {
  // The results are where they belong.
}
