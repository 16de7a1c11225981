import {
  type CacheListener,
  type Clock,
  CacheError,
  type DurationInput,
  knownOptions,
  type Offload,
  type OffloadTask,
  oneOf,
  Reporter,
  systemClock,
  type Timer,
  toLabel,
  toTimeout,
  wholeNumber,
} from '@hitbox/core'
import { AsyncLocalStorage } from 'node:async_hooks'

/** Bounds of an {@link offloadManager}. */
export interface OffloadOptions {
  /** Name in events. @defaultValue `'offload'` */
  readonly label?: string | undefined
  /** Most tasks running at once. @defaultValue 16 */
  readonly maxConcurrent?: number | undefined
  /** Most tasks waiting for their turn; past it they are refused. @defaultValue 1,000 */
  readonly maxQueued?: number | undefined
  /** How long a task may run, counted from its start. @defaultValue `'30s'` */
  readonly timeout?: DurationInput | undefined
  /**
   * `cancel` aborts the task's signal and gives its place to the next, even when the task goes on regardless; `warn` reports
   * it and lets it keep its place.
   * @defaultValue `'cancel'`
   */
  readonly onTimeout?: 'cancel' | 'warn' | undefined
  /** @defaultValue the system clock */
  readonly clock?: Clock | undefined
  /** Told the fate of each task. @defaultValue none */
  readonly onEvent?: CacheListener | undefined
}

/** Whole numbers; all but the last three only grow. */
export interface OffloadStats {
  readonly started: number
  readonly completed: number
  /** Threw or rejected. */
  readonly failed: number
  /** Ran out of time, cancelled or not. */
  readonly timedOut: number
  readonly deduplicated: number
  /** Refused because the queue was full or the offload closed. */
  readonly rejected: number
  /** Holding a place now. */
  readonly active: number
  readonly queued: number
  /** Cancelled, without a place, and not settled yet: tasks that ignore their signal. */
  readonly abandoned: number
}

/** An {@link Offload} with bounds, that can be asked and waited for. */
export interface OffloadManager extends Offload, AsyncDisposable {
  readonly active: number
  readonly queued: number
  /** Whether a task of this key and kind runs or waits. */
  isInFlight(key: string, kind: string): boolean
  /** Counted since it was made. */
  stats(): OffloadStats
  /**
   * Waits until nothing runs or waits, tasks taken meanwhile included.
   *
   * @param options.timeout - Longest wait. @defaultValue none
   * @returns whether all was done; `false` when the time was over first, or the offload closed.
   */
  drain(options?: { readonly timeout?: DurationInput | undefined }): Promise<boolean>
  /** Aborts what runs, forgets what waits, and takes no more. Does not wait: {@link OffloadManager.drain} before, for that. */
  close(): Promise<void>
}

/**
 * Runs work behind the caller's back: no two tasks of the same key and kind at once, bounded in number, in waiting and in
 * time. A task begins in a later microtask, in the async context in which the manager was made: it sees no request's
 * `AsyncLocalStorage` unless the manager was made inside one.
 *
 * @example
 * ```ts
 * import { offloadManager } from '@hitbox/composition'
 *
 * const offload = offloadManager({ maxConcurrent: 4, timeout: '5s' })
 * offload.register({ kind: 'warm', key: 'front-page', run: async (signal) => fetch('https://example.org', { signal }) })
 * await offload.drain({ timeout: '10s' })
 * await offload.close()
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` when an option is unknown or cannot be used.
 */
export function offloadManager(options: OffloadOptions = {}): OffloadManager {
  knownOptions('offloadManager', options, NAMES)
  return new BoundedOffload(toLabel(options.label ?? 'offload'), options)
}

const NAMES: readonly (keyof OffloadOptions)[] = [
  'label',
  'maxConcurrent',
  'maxQueued',
  'timeout',
  'onTimeout',
  'clock',
  'onEvent',
]

interface Job {
  readonly task: OffloadTask
  /** Identity for duplicates; absent for a task without a key. */
  readonly id: string | undefined
  readonly controller: AbortController
  /** Whether it holds a place. */
  running: boolean
  timer: Timer | undefined
  startedAt: number
}

export class BoundedOffload implements OffloadManager {
  readonly #source: string
  readonly #maxConcurrent: number
  readonly #maxQueued: number
  readonly #timeoutMs: number
  readonly #cancels: boolean
  readonly #clock: Clock
  readonly #reporter: Reporter
  readonly #inOwnContext = AsyncLocalStorage.snapshot()
  readonly #running = new Set<Job>()
  readonly #waiting = new Set<Job>()
  readonly #ids = new Set<string>()
  readonly #idle = new Set<() => void>()
  #closed = false
  #started = 0
  #completed = 0
  #failed = 0
  #timedOut = 0
  #deduplicated = 0
  #rejected = 0
  #abandoned = 0

  /** @param source - Source of its events: a label, or the path of one inside a composition. */
  constructor(source: string, options: OffloadOptions) {
    this.#source = source
    this.#maxConcurrent = wholeNumber('maxConcurrent', options.maxConcurrent ?? 16, { min: 1 })
    this.#maxQueued = wholeNumber('maxQueued', options.maxQueued ?? 1_000, { min: 0 })
    this.#timeoutMs = toTimeout(options.timeout ?? '30s', 'timeout')
    this.#cancels =
      oneOf('onTimeout', options.onTimeout ?? 'cancel', ['cancel', 'warn']) === 'cancel'
    this.#clock = options.clock ?? systemClock
    this.#reporter = new Reporter(options.onEvent)
  }

  get active(): number {
    return this.#running.size
  }

  get queued(): number {
    return this.#waiting.size
  }

  register(task: OffloadTask): boolean {
    const id = task.key === undefined ? undefined : idOf(task.key, task.kind)
    if (id !== undefined && this.#ids.has(id)) {
      this.#deduplicated += 1
      this.#tell(task, 'deduplicated')
      return false
    }
    const free = this.#running.size < this.#maxConcurrent
    if (this.#closed || (!free && this.#waiting.size >= this.#maxQueued)) {
      this.#rejected += 1
      this.#tell(task, 'rejected')
      return false
    }
    const controller = new AbortController()
    const job: Job = { task, id, controller, running: false, timer: undefined, startedAt: 0 }
    if (id !== undefined) this.#ids.add(id)
    if (free) this.#start(job)
    else this.#waiting.add(job)
    return true
  }

  isInFlight(key: string, kind: string): boolean {
    return this.#ids.has(idOf(key, kind))
  }

  stats(): OffloadStats {
    return {
      started: this.#started,
      completed: this.#completed,
      failed: this.#failed,
      timedOut: this.#timedOut,
      deduplicated: this.#deduplicated,
      rejected: this.#rejected,
      active: this.#running.size,
      queued: this.#waiting.size,
      abandoned: this.#abandoned,
    }
  }

  drain(options: { readonly timeout?: DurationInput | undefined } = {}): Promise<boolean> {
    const timeoutMs =
      options.timeout === undefined
        ? Number.POSITIVE_INFINITY
        : toTimeout(options.timeout, 'timeout')
    if (this.#running.size === 0) return Promise.resolve(!this.#closed || this.#abandoned === 0)
    return new Promise((resolve) => {
      const end = (done: boolean): void => {
        this.#idle.delete(whenIdle)
        timer.cancel()
        resolve(done)
      }
      // What was aborted is not done.
      const whenIdle = (): void => end(!this.#closed)
      const timer = this.#clock.setTimeout(() => end(false), timeoutMs)
      this.#idle.add(whenIdle)
    })
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#closed = true
    for (const job of this.#waiting) {
      this.#waiting.delete(job)
      if (job.id !== undefined) this.#ids.delete(job.id)
      this.#rejected += 1
      this.#tell(job.task, 'rejected')
    }
    const reason = new CacheError('CLOSED', `offload "${this.#source}" is closed`, {
      details: { source: this.#source },
    })
    for (const job of this.#running) {
      this.#abandon(job)
      job.controller.abort(reason)
    }
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #start(job: Job): void {
    job.running = true
    job.startedAt = this.#clock.now()
    this.#running.add(job)
    this.#started += 1
    this.#tell(job.task, 'started')
    this.#inOwnContext(() => {
      job.timer = this.#clock.setTimeout(() => this.#timeOut(job), this.#timeoutMs)
      void this.#run(job)
    })
  }

  async #run(job: Job): Promise<void> {
    // The caller's own turn comes first.
    await Promise.resolve()
    try {
      if (!job.controller.signal.aborted) await job.task.run(job.controller.signal)
      this.#settled(job, undefined)
    } catch (error) {
      this.#settled(job, { error })
    }
  }

  #settled(job: Job, failure: { readonly error: unknown } | undefined): void {
    if (!job.running) {
      // Cancelled before: already counted and told.
      this.#abandoned -= 1
      return
    }
    if (failure === undefined) this.#completed += 1
    else this.#failed += 1
    this.#tell(job.task, failure === undefined ? 'completed' : 'failed', job.startedAt)
    if (failure !== undefined && this.#reporter.active) {
      const { error } = failure
      const { key } = job.task
      this.#reporter.report({
        type: 'error',
        source: this.#source,
        key,
        operation: 'offload',
        error,
      })
    }
    this.#release(job)
  }

  #timeOut(job: Job): void {
    this.#timedOut += 1
    this.#tell(job.task, 'timed-out', job.startedAt)
    if (!this.#cancels) return
    this.#abandon(job)
    job.controller.abort(
      new DOMException(`the task ran longer than ${this.#timeoutMs} ms`, 'TimeoutError'),
    )
  }

  /** Takes the place from a task that has not settled, and lets it settle unseen. */
  #abandon(job: Job): void {
    this.#abandoned += 1
    this.#release(job)
  }

  #release(job: Job): void {
    job.running = false
    job.timer?.cancel()
    this.#running.delete(job)
    if (job.id !== undefined) this.#ids.delete(job.id)
    const [next] = this.#waiting
    if (next !== undefined) {
      this.#waiting.delete(next)
      this.#start(next)
    }
    if (this.#running.size === 0) for (const done of this.#idle) done()
  }

  #tell(
    { kind, key }: OffloadTask,
    state: 'started' | 'completed' | 'failed' | 'timed-out' | 'deduplicated' | 'rejected',
    startedAt?: number,
  ): void {
    if (!this.#reporter.active) return
    const source = this.#source
    const durationMs = startedAt === undefined ? undefined : this.#clock.now() - startedAt
    this.#reporter.report({ type: 'offload', source, kind, key, state, durationMs })
  }
}

/** Injective: the kind's length says where the key begins. */
function idOf(key: string, kind: string): string {
  return `${kind.length}:${kind}${key}`
}
