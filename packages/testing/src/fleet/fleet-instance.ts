import { setTimeout } from 'node:timers/promises'
import type { Collector } from './collector.ts'
import { type InstanceEnd, InstanceProcess } from './instance-process.ts'
import type { FromInstance, InstanceConfig, ToInstance } from './messages.ts'

/** How long a program may take to start. */
const START_MS = 20_000
/** How long a process may stay when its program is closed: nothing should keep it. */
const LINGER_MS = 2_000
/** Pause after a start that failed, as when the cache was down. */
const RETRY_MS = 200

type Settled = { readonly ready: true } | { readonly ready: false; readonly why: string }

/** One instance through all its lives: killed ones come back. */
export class FleetInstance {
  readonly number: number
  readonly #config: Omit<InstanceConfig, 'life'>
  readonly #collector: Collector
  #lives = 0
  #process: InstanceProcess | undefined
  #startedAt = 0
  #onSettled: (settled: Settled) => void = () => {}
  #onDone: () => void = () => {}
  #isOver = false
  #isUp = false
  /** Whether it is known that this process ends. */
  #isExpected = false

  constructor(config: Omit<InstanceConfig, 'life'>, collector: Collector) {
    this.number = config.instance
    this.#config = config
    this.#collector = collector
  }

  /** Whether its program has started, and not been ended since. */
  get isUp(): boolean {
    return this.#isUp
  }

  /** Resolves when the program has started; says why when it has not. */
  async start(): Promise<string | undefined> {
    const life = this.#lives
    this.#lives += 1
    this.#collector.started(this.number)
    const settled = new Promise<Settled>((resolve) => {
      this.#onSettled = resolve
    })
    const child = new InstanceProcess((message) => this.#hear(message, life))
    this.#process = child
    this.#isExpected = false
    void child.ended.then((end) => this.#left(child, end))
    child.prepare({ ...this.#config, life })
    const late = new AbortController()
    const timeout = setTimeout(START_MS, undefined, { signal: late.signal }).then(
      (): Settled => ({ ready: false, why: `it did not start within ${START_MS} ms` }),
      (): Settled => ({ ready: true }),
    )
    const outcome = await Promise.race([settled, timeout])
    late.abort()
    this.#isUp = outcome.ready
    if (outcome.ready) return undefined
    this.#isExpected = true
    await child.kill()
    return outcome.why
  }

  /** @param startedAt - When the run began, in machine time. */
  go(startedAt: number): void {
    this.#startedAt = startedAt
    this.tell({ type: 'go', startedAt })
  }

  tell(message: ToInstance): void {
    this.#process?.tell(message)
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.signal(signal)
  }

  /** Kills the process, and resolves when it is gone; {@link revive} brings it back. */
  async kill(): Promise<void> {
    this.#isExpected = true
    this.#isUp = false
    await this.#process?.kill()
  }

  /** Starts it again, as often as it takes. */
  async revive(): Promise<void> {
    while (!this.#isOver) {
      const why = await this.start()
      if (why === undefined) return this.#isOver ? undefined : this.go(this.#startedAt)
      this.#collector.problem(this.number, `did not start again: ${why}`)
      await setTimeout(RETRY_MS)
    }
  }

  /** Ends the calls, closes the program and waits for the process to end by itself, for a while. */
  async stop(withinMs: number): Promise<void> {
    this.#isOver = true
    const child = this.#process
    if (child === undefined) return
    const done = new Promise<void>((resolve) => {
      this.#onDone = resolve
    })
    child.tell({ type: 'stop' })
    if (!(await isInTime(Promise.race([done, child.ended]), withinMs)))
      this.#collector.problem(this.number, `did not close within ${withinMs} ms`)
    else if (!(await isInTime(child.ended, LINGER_MS)))
      this.#collector.problem(this.number, 'was kept alive by its program after its close')
    this.#isExpected = true
    await child.kill()
  }

  /** Ends it whatever it does. */
  async abandon(): Promise<void> {
    this.#isOver = true
    await this.kill()
  }

  #hear(message: FromInstance, life: number): void {
    switch (message.type) {
      case 'ready':
        this.#onSettled({ ready: true })
        return
      case 'failed':
        this.#onSettled({ ready: false, why: message.message })
        return
      case 'batch':
        this.#collector.batch(this.number, life, message)
        return
      case 'done':
        this.#collector.stats(this.number, message.stats)
        this.#isExpected = true
        this.#onDone()
        return
      default:
        throw new Error(`no such message: ${String(message satisfies never)}`)
    }
  }

  #left(child: InstanceProcess, { code, signal, said }: InstanceEnd): void {
    if (child === this.#process) this.#isUp = false
    this.#onSettled({ ready: false, why: `it ended (${signal ?? code}): ${said}` })
    if (child !== this.#process || this.#isExpected) return
    this.#collector.problem(this.number, `crashed (${signal ?? code}): ${said}`)
    void this.revive()
  }
}

async function isInTime(wait: Promise<unknown>, withinMs: number): Promise<boolean> {
  const ended = new AbortController()
  const late = setTimeout(withinMs, false, { signal: ended.signal }).catch(() => true)
  try {
    return await Promise.race([wait.then(() => true), late])
  } finally {
    ended.abort()
  }
}
