import { setMaxListeners } from 'node:events'
import { CacheError, type Clock, closedError, Reporter, type Timer } from '@hitbox/core'
import type { Call } from './dial.ts'
import { KeepAlive } from './keep-alive.ts'
import type { Line, Waiter } from './line.ts'
import type { Session } from './session.ts'
import { Sessions } from './sessions.ts'
import { StateReport } from './state-report.ts'

/** What every link of a backend shares. */
export interface LinkSettings {
  readonly label: string
  readonly clock: Clock
  readonly reporter: Reporter
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly keepAlive: KeepAlive
  readonly sessions: Sessions
}

/** Settings of a link that nobody waits for: it is not told of, and keeps nothing alive. */
export function asideSettings<Settings extends LinkSettings>(settings: Settings): Settings {
  return {
    ...settings,
    reporter: new Silent(),
    keepAlive: new Idle(),
    sessions: new Sessions(),
  }
}

class Silent extends Reporter {
  override get active(): boolean {
    return false
  }
}

class Idle extends KeepAlive {
  override hold(): void {
    // The process may end.
  }
}

/** Told what somebody else may know more about. */
export interface LinkHooks {
  /** There is no connection, or the server does not answer in time. */
  readonly onTrouble?: (() => void) | undefined
  /** Asked before waiters are disappointed: they may learn of another place to go to. Never rejects for long. */
  readonly consult?: (() => Promise<unknown>) | undefined
}

const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 100
/** How long after a demotion the next one counts, lest a server that stays a replica be connected to over and over. */
const DEMOTION_PAUSE_MS = 1_000

/**
 * One connection to one place, made when somebody needs it and again after it was lost.
 *
 * Attempts are spaced by a pause that grows with each failure but stays a fraction of `responseTimeout`: whoever comes sees an
 * attempt begin while it waits. An attempt that hangs does not hold up the next for more than a third of that time either; the
 * oldest goes on to its `connectTimeout`, for networks that are slow, and the younger one is replaced, for servers that come back.
 */
export class Link implements Line {
  session: Session | undefined
  readonly droppable = true
  /** A connection that is looked into. */
  #suspected: Session | undefined
  /** The last one that was lost. */
  #lostLast: Session | undefined
  /** A connection that has been replaced, and is still owed answers. */
  #leftOver: Session | undefined
  readonly #settings: LinkSettings
  readonly #hooks: LinkHooks
  readonly #dial: (call: Call) => Promise<Session>
  readonly #waiters = new Set<Waiter>()
  readonly #spacingMs: number
  readonly #longestPauseMs: number
  /** Under way, the oldest first: at most two. */
  readonly #attempts: Attempt[] = []
  #failures = 0
  #notBefore = 0
  #next: Timer | undefined
  readonly #state: StateReport
  #demotedAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(
    dial: (call: Call) => Promise<Session>,
    settings: LinkSettings,
    hooks: LinkHooks = {},
  ) {
    this.#dial = dial
    this.#hooks = hooks
    this.#settings = settings
    this.#state = new StateReport(settings.label, settings.reporter)
    this.#spacingMs = settings.responseTimeoutMs / 3
    this.#longestPauseMs = Math.min(LONGEST_PAUSE_MS, settings.responseTimeoutMs / 4)
  }

  join(waiter: Waiter): void {
    if (this.#closed) return waiter.reject(closedError(this.#settings.label))
    if (this.session !== undefined) return waiter.accept(this.session)
    this.#waiters.add(waiter)
    this.#proceed()
  }

  /** Connects in the background, if that is not under way. */
  warm(): void {
    if (this.session !== undefined || this.#waiters.size > 0 || this.#closed) return
    const nothing = (): void => undefined
    const since = this.#settings.clock.now()
    this.join({ since, asks: true, accept: nothing, reject: nothing })
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    if (this.#waiters.size === 0) this.#unschedule()
  }

  suspect(session: Session): void {
    if (this.session !== session) return
    this.session = undefined
    this.#suspected = session
  }

  trust(session: Session): void {
    if (this.#suspected === session) this.#use(session)
  }

  drop(session: Session, error: unknown): void {
    if (this.session !== session && this.#suspected !== session) return
    session.end()
    this.#lost(session, error)
    this.#proceed()
  }

  demoted(session: Session): void {
    const now = this.#settings.clock.now()
    if (this.session !== session || now < this.#demotedAt + DEMOTION_PAUSE_MS) return
    this.#demotedAt = now
    this.session = undefined
    this.#leftOver?.end()
    this.#leftOver = session
    this.#settings.sessions.down(this, session)
    // What was sent before gets its answers first.
    this.#settings.clock.setTimeout(() => session.end(), this.#settings.responseTimeoutMs)
  }

  doubt(): void {
    this.#hooks.onTrouble?.()
  }

  /** @param error - What waiters and attempts are told. */
  close(error: Error = closedError(this.#settings.label)): void {
    this.#closed = true
    this.#unschedule()
    for (const attempt of this.#attempts.splice(0)) attempt.abandon(error)
    const session = this.session ?? this.#suspected
    session?.end()
    this.#leftOver?.end()
    this.session = undefined
    this.#suspected = undefined
    this.#rejectWaiters(error, Number.POSITIVE_INFINITY)
    if (session !== undefined) this.#settings.sessions.down(this, session)
    this.#settings.sessions.gone(this)
  }

  /** Begins the next attempt if somebody waits for it and its time has come, or makes sure that it will be. */
  #proceed(): void {
    if (this.#waiters.size === 0 || this.#next !== undefined) return
    // About to be trusted or dropped.
    if (this.#suspected !== undefined) return
    const { clock, keepAlive } = this.#settings
    const now = clock.now()
    const youngest = this.#attempts.at(-1)
    const spaced = youngest === undefined ? now : youngest.startedAt + this.#spacingMs
    const due = Math.max(spaced, this.#notBefore)
    if (due <= now) this.#start(now)
    const delayMs = due <= now ? this.#spacingMs : due - now
    keepAlive.hold(this)
    this.#next = clock.setTimeout(() => {
      this.#next = undefined
      keepAlive.release(this)
      this.#proceed()
    }, delayMs)
  }

  #unschedule(): void {
    this.#next?.cancel()
    this.#next = undefined
    this.#settings.keepAlive.release(this)
  }

  #start(now: number): void {
    if (this.#attempts.length === 2) this.#attempts.pop()?.abandon(this.#timeout())
    const attempt = new Attempt(now)
    this.#attempts.push(attempt)
    attempt
      .begin(this.#dial, this.#settings, () => this.#timeout(), {
        onLost: this.#lost,
        lost: this.#lostLast,
      })
      .then(
        (session) => this.#arrived(attempt, session),
        (error: unknown) => this.#failed(attempt, error),
      )
  }

  #arrived(attempt: Attempt, session: Session): void {
    if (!this.#forget(attempt)) return session.end()
    this.#failures = 0
    this.#notBefore = 0
    this.#state.report('up')
    this.#settings.sessions.up(this, session)
    this.#use(session)
  }

  #use(session: Session): void {
    for (const other of this.#attempts.splice(0)) other.abandon(this.#timeout())
    this.#unschedule()
    this.#suspected = undefined
    this.session = session
    for (const waiter of this.#waiters) waiter.accept(session)
    this.#waiters.clear()
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (!this.#forget(attempt)) return
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, this.#longestPauseMs)
    this.#failures += 1
    this.#notBefore = this.#settings.clock.now() + pause * (0.5 + Math.random() / 2)
    this.#state.report('down', error)
    const { consult } = this.#hooks
    const disappoint = (): void => this.#rejectWaiters(error, attempt.startedAt)
    if (consult === undefined) disappoint()
    else {
      this.#rejectWaiters(error, attempt.startedAt, true)
      void consult().then(disappoint, disappoint)
    }
    this.#unschedule()
    this.#proceed()
  }

  readonly #lost = (session: Session, error: unknown): void => {
    if (this.session !== session && this.#suspected !== session) return
    this.session = undefined
    this.#suspected = undefined
    this.#lostLast = session
    this.#settings.sessions.down(this, session)
    this.#state.report('down', error)
    this.#hooks.onTrouble?.()
  }

  /** @returns whether it was still under way. */
  #forget(attempt: Attempt): boolean {
    const at = this.#attempts.indexOf(attempt)
    if (at !== -1) this.#attempts.splice(at, 1)
    return at !== -1
  }

  /** @param asking - Only those who ask. */
  #rejectWaiters(error: unknown, startedAt: number, asking = false): void {
    for (const waiter of this.#waiters) {
      if (waiter.since > startedAt) break
      if (asking && !waiter.asks) continue
      this.#waiters.delete(waiter)
      waiter.reject(error)
    }
  }

  #timeout(): CacheError<'TIMEOUT'> {
    const { label: source, connectTimeoutMs: timeoutMs } = this.#settings
    const message = `backend "${source}" did not connect within ${timeoutMs} ms`
    return new CacheError('TIMEOUT', message, {
      details: { source, operation: 'connect', timeoutMs },
    })
  }
}

class Attempt {
  readonly startedAt: number
  readonly #abort = new AbortController()

  constructor(startedAt: number) {
    this.startedAt = startedAt
    // One attempt may take several sockets: three sentinels and a primary.
    setMaxListeners(0, this.#abort.signal)
  }

  async begin(
    dial: (call: Call) => Promise<Session>,
    { clock, connectTimeoutMs }: LinkSettings,
    late: () => Error,
    terms: Omit<Call, 'signal'>,
  ): Promise<Session> {
    const timer = clock.setTimeout(() => this.abandon(late()), connectTimeoutMs)
    try {
      return await dial({ ...terms, signal: this.#abort.signal })
    } finally {
      timer.cancel()
    }
  }

  abandon(error: Error): void {
    this.#abort.abort(error)
  }
}
