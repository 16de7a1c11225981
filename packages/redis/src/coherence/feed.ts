import {
  CacheError,
  type ChangeListener,
  type Clock,
  type CoherenceMode,
  type Feed,
  type KeyFormat,
  type Reporter,
  type StoreKey,
} from '@hitbox/core'
import { Dispatcher, type DispatcherSettings } from '../dispatcher.ts'
import { fixed } from '../fixed.ts'
import { type GreetingTerms, trackLate } from '../greeting.ts'
import type { Line, Route } from '../line.ts'
import type { Session, Word } from '../session.ts'
import type { SessionObserver, Sessions } from '../sessions.ts'
import type { Topology } from '../topology.ts'
import type { Audience } from './audience.ts'
import { Barriers } from './barriers.ts'
import { isReached, stampOf } from './causal-stamp.ts'
import { Channel } from './channel.ts'
import { keyReader } from './key-reader.ts'
import { Listeners } from './listeners.ts'
import { Member } from './member.ts'
import { ModeReport } from './mode-report.ts'
import { Pulse, type PulseReplies, type PulseTaker } from './pulse.ts'
import { Subscriber } from './subscriber.ts'
import { waysOf, waysTo } from './ways.ts'

/** What a feed is made of. */
export interface FeedParts {
  readonly topology: Topology
  readonly sessions: Sessions
  readonly keyFormat: KeyFormat
  readonly settings: DispatcherSettings & { readonly reporter: Reporter }
  readonly database: number
  readonly maxStaleMs: number
  /** `none`: there is nobody to tell anything. */
  readonly wish: 'auto' | 'tracking' | 'pubsub' | 'none'
  /** Called now and then on each connection that tells changes. */
  readonly onPulse: (line: Line, session: Session) => void
}

/**
 * Tells what others change in the servers of a backend: by their own word where they track, else by messages between those who use
 * this library. Costs nothing before somebody listens.
 */
export class RedisFeed implements Feed<StoreKey>, Audience, SessionObserver, PulseTaker {
  mode: CoherenceMode | undefined
  readonly maxStaleMs: number
  copyMs: number
  fence: number = Number.NEGATIVE_INFINITY
  readonly #topology: Topology
  readonly #sessions: Sessions
  readonly #wish: FeedParts['wish']
  readonly #report: ModeReport
  readonly #clock: Clock
  readonly #terms: GreetingTerms
  /** Of what is done unasked; never tried again. */
  readonly #unasked: Dispatcher
  readonly #asked: Dispatcher
  readonly #onPulse: FeedParts['onPulse']
  readonly #readKey: (key: string | Buffer) => StoreKey
  readonly #channel: Channel
  readonly #listeners = new Listeners()
  readonly #members = new Map<Line, Member>()
  readonly #barriers = new Barriers<Line>()
  #subscriber: Subscriber | undefined
  #deaf = false
  /** Whether somebody asks to be told by those who change something. */
  #othersListen = false
  #closed = false

  constructor(parts: FeedParts) {
    const { topology, sessions, keyFormat, settings, maxStaleMs, wish } = parts
    this.#topology = topology
    this.#sessions = sessions
    this.#wish = wish
    this.#report = new ModeReport(settings.label, settings.reporter)
    this.#clock = settings.clock
    this.maxStaleMs = maxStaleMs
    this.copyMs = maxStaleMs
    this.#terms = { clock: settings.clock, sessions, clustered: this.#several }
    this.#unasked = new Dispatcher({ ...settings, retries: 0 })
    this.#asked = new Dispatcher(settings)
    this.#onPulse = parts.onPulse
    this.#readKey = keyReader(keyFormat)
    this.#channel = new Channel(parts.database)
    sessions.observe(this)
    if (wish === 'none') this.#become('none')
  }

  get watched(): boolean {
    return this.#listeners.size > 0 && this.mode === 'tracking'
  }

  fenceOf(key: StoreKey): number {
    if (!this.#several || this.mode !== 'tracking') return this.fence
    const member = this.#members.get(this.#topology.primary(key).line())
    return member === undefined ? Number.NEGATIVE_INFINITY : member.fence
  }

  listen(listener: ChangeListener<StoreKey>): () => void {
    const remove = this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#turnOn()
    return () => {
      if (remove() && this.#listeners.size === 0) this.#turnOff()
    }
  }

  async barrier(keys?: readonly StoreKey[]): Promise<void> {
    this.#mustTell(this.mode)
    const live = this.#live.map(({ line }) => line)
    const ways = keys === undefined ? waysOf(this.#topology, live) : waysTo(this.#topology, keys)
    await Promise.all(
      Array.from(ways, ([line, route]) =>
        this.#barriers.join(line, () => this.#pulse(this.#asked, route, false)),
      ),
    )
  }

  stamp(keys?: readonly StoreKey[]): string {
    const { last } = this.#sessions
    const all = keys === undefined || !this.#several
    const sessions = all
      ? last.values()
      : Array.from(waysTo(this.#topology, keys).keys(), (line) => last.get(line))
    return stampOf(sessions, this.#clock.now())
  }

  reached(stamp: string): boolean {
    const heard = this.#live.filter(({ tracked }) => tracked)
    return isReached(
      stamp,
      heard.map(({ session }) => session),
    )
  }

  publishes(session: Session): boolean {
    if (session.tracking.mute || this.#wish === 'none') return false
    if (this.#wish === 'pubsub' || (this.mode !== undefined && this.mode !== 'tracking'))
      return true
    return this.#othersListen
  }

  message(key: StoreKey): readonly Word[] {
    return this.#channel.message(key)
  }

  raced(key: StoreKey): void {
    this.#listeners.changed(key)
  }

  up(line: Line, session: Session): void {
    if (this.#listeners.size === 0 || this.#wish === 'none') return
    if (session.tracking.tried || this.#wish === 'pubsub') this.#admit(line, session)
    else this.#track(line, session)
  }

  down(line: Line, session: Session): void {
    const member = this.#members.get(line)
    if (member?.session !== session || !member.live) return
    member.end()
    // A single server's copies end by themselves, unless it is there again before.
    if (this.#several && this.mode === 'tracking') this.#listeners.changedAll()
    this.#refence()
  }

  gone(line: Line): void {
    this.#members.get(line)?.end()
    this.#members.delete(line)
    if (this.#several) this.#refence()
  }

  moved(): void {
    this.#listeners.changedAll()
  }

  told(key: string | Buffer | null): void {
    if (key === null) this.#listeners.changedAll()
    else this.raced(this.#readKey(key))
  }

  answered(session: Session, { sentAt, toldAt, subscribers }: PulseReplies): void {
    const line = this.#sessions.live.get(session)
    const member = line && this.#members.get(line)
    if (line === undefined || member?.session !== session || !member.tracked) {
      // The connection was given up while the answer came; the next one knows.
      if (this.mode === 'tracking') throw new Error('the connection does not tell changes')
      return this.#mustTell(this.mode)
    }
    if (toldAt !== undefined) session.tracking.toldAt = Math.max(session.tracking.toldAt, toldAt)
    if (Array.isArray(subscribers)) member.othersListen = Number(subscribers[1]) > 0
    this.#othersListen = this.#live.some(({ othersListen }) => othersListen)
    if (session.facts.primary && sentAt > member.fence) {
      member.fence = sentAt
      this.#refence()
    }
    this.#onPulse(line, session)
  }

  close(): void {
    this.#closed = true
    this.#turnOff()
  }

  get #several(): boolean {
    return !this.#topology.together
  }

  get #live(): Member[] {
    return [...this.#members.values()].filter(({ live }) => live)
  }

  #turnOn(): void {
    if (this.#wish === 'none' || this.#closed) return
    if (this.#wish !== 'pubsub') {
      this.#sessions.tracking = this.#wish === 'tracking' ? 'demanded' : 'wanted'
    }
    for (const [session, line] of this.#sessions.live) this.up(line, session)
  }

  #turnOff(): void {
    this.#sessions.tracking = 'unwanted'
    for (const member of this.#members.values()) {
      member.end()
      // Else the server would go on remembering what is read.
      if (member.tracked && !this.#closed) {
        member.session.tracking.tried = false
        member.session.tracking.on = false
        member.session.send(['CLIENT', 'TRACKING', 'OFF']).catch(() => undefined) // then it is gone
      }
    }
    this.#members.clear()
    this.#subscriber?.end()
    this.#subscriber = undefined
    if (this.#wish === 'none') return
    this.mode = undefined
    this.#othersListen = false
    this.#report.forget()
    this.copyMs = this.maxStaleMs
    this.fence = Number.NEGATIVE_INFINITY
  }

  /** Has a connection that others use already tell changes from now on. */
  #track(line: Line, session: Session): void {
    const test = async (): Promise<void> => {
      if (this.#sessions.live.get(session) !== line) return
      try {
        await trackLate(session, this.#terms)
      } catch (error) {
        if (CacheError.is(error, 'UNSUPPORTED')) line.drop(session, error)
        throw error
      }
      if (this.#listeners.size === 0 || this.#sessions.live.get(session) !== line) return
      this.#admit(line, session)
      // What was read before, or is on its way, was not tracked.
      this.#listeners.changedAll()
    }
    this.#unasked
      .run<void, unknown>('connect', fixed(line), { send: test, take: nothing })
      .catch(() => undefined) // the connection is dropped then, and the next one is tested
  }

  #admit(line: Line, session: Session): void {
    const before = this.#members.get(line)
    const member = new Member(line, session, this.#clock)
    this.#members.set(line, member)
    before?.end()
    if (before !== undefined) this.#listeners.changedAll()
    this.#settleMode()
    this.#refence()
    if (member.tracked) member.beat(this.maxStaleMs / 3, this.#look)
  }

  readonly #look = async ({ line, session }: Member): Promise<void> => {
    // One that is looked into has its own end.
    if (line.session === session) await this.#pulse(this.#unasked, fixed(line), true)
  }

  #pulse(dispatcher: Dispatcher, route: Route, proves: boolean): Promise<void> {
    const pulse = new Pulse(this.#sessions, this.#clock, this, this.#channel.name, proves)
    return dispatcher.run<void, PulseReplies>('read', route, pulse)
  }

  #settleMode(): void {
    const live = this.#live
    if (live.length === 0) return
    if (this.#wish !== 'pubsub' && live.every(({ tracked }) => tracked)) this.#become('tracking')
    else {
      this.#become(this.#deaf ? 'none' : 'pubsub')
      this.#subscribe()
    }
  }

  #become(mode: CoherenceMode): void {
    const before = this.mode
    this.mode = mode
    this.copyMs = mode === 'tracking' ? Number.POSITIVE_INFINITY : this.maxStaleMs
    if (mode === 'tracking') {
      this.#subscriber?.end()
      this.#subscriber = undefined
      this.#deaf = false
      if (this.fence === Number.POSITIVE_INFINITY) this.fence = Number.NEGATIVE_INFINITY
    } else this.fence = Number.POSITIVE_INFINITY
    if (before !== undefined && before !== mode) this.#listeners.changedAll()
    this.#report.tell(mode, [...this.#sessions.live.keys()])
  }

  #refence(): void {
    if (this.mode !== 'tracking') return
    const least = Math.min(...this.#live.map(({ fence }) => fence))
    // Where nobody tells any more, it stays: what is older than that may have changed unheard.
    if (least === Number.POSITIVE_INFINITY) return
    if (least > Number.NEGATIVE_INFINITY || this.#several) this.fence = least
  }

  #subscribe(): void {
    if (this.#subscriber !== undefined || this.#deaf) return
    const line = this.#topology.aside()
    if (line === undefined) return
    const listener = {
      subscribed: (): void => {
        this.#become('pubsub')
        this.#listeners.changedAll()
      },
      failed: (forGood: boolean): void => {
        this.#deaf = forGood
        this.#become('none')
      },
      message: (bytes: Buffer): void => {
        const key = this.#channel.keyIn(bytes)
        if (key !== undefined) this.#listeners.changed(this.#readKey(key))
      },
    }
    const everyMs = this.maxStaleMs / 3
    this.#subscriber = new Subscriber(line, this.#unasked, this.#channel.name, everyMs, listener)
  }

  /** @throws {@link CacheError} `UNSUPPORTED` where servers do not tell. */
  #mustTell(mode: CoherenceMode | undefined): void {
    if (this.#listeners.size > 0 && (mode === 'tracking' || mode === undefined)) return
    const { label } = this.#asked.settings
    const message = `backend "${label}" is not told by its servers what others change, so nobody can wait for that`
    throw new CacheError('UNSUPPORTED', message, { details: { feature: 'barrier' } })
  }
}

function nothing(): void {
  // The answer is that there was one.
}
