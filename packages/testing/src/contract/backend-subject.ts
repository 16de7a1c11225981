import type { CacheBackend, CacheListener, Clock, MaybePromise } from '@hitbox/core'
import type { ContractCase, Reason } from './contract-case.ts'

/** What {@link backendContract} is run against. Must hold 6,000 small entries at once, and a value of a million characters. */
export interface BackendSubject {
  /**
   * Makes a fresh and empty backend; the case closes it. Pass the options on to the backend's own factory;
   * a clock only comes to subjects that take one, and so does a listener.
   */
  open(options: BackendOpenOptions): MaybePromise<CacheBackend>
  readonly capabilities: BackendCapabilities
}

/** What a case wants of the backend it opens; pass it on. */
export interface BackendOpenOptions {
  /** The clock that everything in the backend is to live by. @defaultValue its own */
  readonly clock?: Clock | undefined
  /** To be told of every event. @defaultValue nobody */
  readonly onEvent?: CacheListener | undefined
}

/**
 * What not every backend can do. Each is given, or refused with a reason that {@link contractReport} shows.
 * The functions get a backend that `open` made.
 */
export interface BackendCapabilities {
  /** Everything in the backend lives by the clock that `open` is given. */
  readonly clock: true | Reason
  /** Every reader gets a copy of its own, and what is done to a value after it was set changes nothing. */
  readonly copies: true | Reason
  /** Values keep `undefined`, dates, maps, sets, bigints and bytes. */
  readonly structured: true | Reason
  /** What travels in `meta` comes back. */
  readonly meta: true | Reason
  /** `get`, `set`, `delete` and the batches answer at once, without a promise. */
  readonly sync: true | Reason
  /** There is a `peek`. */
  readonly peek: true | Reason
  /** There is a `clear`. */
  readonly clear: true | Reason
  /** `open` takes a listener. */
  readonly events: true | Reason
  /** Largest value it takes, in bytes or whatever it measures in; more than a million, at most 20 million. */
  readonly limit: number | Reason
  /** Calls the factory with an option that it does not have. */
  readonly misspelt: (() => unknown) | Reason
  /** Closes the backend and opens one on the same data. */
  readonly reopen: ((backend: CacheBackend) => MaybePromise<CacheBackend>) | Reason
  /** Makes a second backend on the same data, as another process would. */
  readonly join: ((backend: CacheBackend) => MaybePromise<CacheBackend>) | Reason
  /** Reaches behind the backend to the stored bytes. */
  readonly raw: ((backend: CacheBackend) => RawAccess) | Reason
  /** Counts what goes to the server. */
  readonly commands: CommandMeter | Reason
  /** Breaks what the backend stands on, and mends it. Cases that use it must not run at the same time as others. */
  readonly faults: FaultControls | Reason
  /** There are `leases`. Cases need `join` too. @defaultValue there are none */
  readonly leases?: true | Reason | undefined
  /** There is a `coherence`, of mode `tracking` once somebody listens. Cases need `join` too. @defaultValue there is none */
  readonly coherence?: true | Reason | undefined
}

/** Name of one of the {@link BackendCapabilities}. */
export type BackendCapability = keyof BackendCapabilities

/** The stored bytes, past the backend: for what others may have done to them. */
export interface RawAccess {
  /**
   * What is stored; `undefined` for nothing.
   *
   * @param key - Text of the key, before any key format.
   */
  read(key: string): MaybePromise<Uint8Array | undefined>
  /** Puts bytes in place of what is there, with no end or a far one. */
  write(key: string, bytes: Uint8Array): MaybePromise<void>
}

/** Tells how much a backend says to its server. */
export interface CommandMeter {
  /** Commands that the server has been sent so far; those of the meter itself may be left out. */
  count(backend: CacheBackend): MaybePromise<number>
  /** Most commands that one batch of reads may take: one for each node, where a node takes many keys at once. */
  readonly perBatch: number
}

/** Breaks a server and mends it. Each resolves when it is done. */
export interface FaultControls {
  /** Makes the server stand still, with its connections open. */
  freeze(): MaybePromise<void>
  /** Lets it go on. */
  thaw(): MaybePromise<void>
  /** Ends the server at once, its connections with it. */
  kill(): MaybePromise<void>
  /** Starts what was killed, with or without its data. */
  restart(): MaybePromise<void>
  /** Every operation settles within this many ms, whatever the server does. */
  readonly deadlineMs: number
  /** After so many ms the first operations succeed again. @defaultValue 5,000 */
  readonly recoveryMs?: number | undefined
}

/** One promise that every backend keeps. */
export type BackendCase = ContractCase<BackendSubject, BackendCapability>
