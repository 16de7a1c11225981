import { describe, it } from 'vitest'
import {
  answered,
  ask,
  broken,
  enact,
  expire,
  fail,
  give,
  giveLate,
  giveUnkept,
  leave,
  look,
  pass,
  put,
  putBelow,
  remove,
  type Scenario,
  type TierChoice,
  unanswered,
} from './support/scene.ts'

/*
 * The scenarios of the state machine of Hitbox for Rust, translated: what it calls Initial and CheckRequestCachePolicy is `check`,
 * PollCache `poll`, HandleStale `stale`, AwaitResponse and PollUpstream `flight` and `load`, CheckResponseCachePolicy `admit`,
 * UpdateCache `store`, Response `answer`. It has a machine per request, and permits for loads; here a load is a flight of its own
 * that callers join. Where that makes another outcome, the row says which and why. Its choice between several configurations
 * for one request has no counterpart: a call has one policy.
 */

const MISS = 'check poll miss flight load admit store answer'
const JOINED = 'check flight answer'
/** Came at the same moment as the first: asked the tiers too, and found somebody loading then. */
const JOINED_AFTER_POLL = 'check poll miss flight answer'

const NOTHING_THERE: readonly Scenario[] = [
  {
    // Rust's Disabled goes past the cache. Here the tiers are asked, since a call with another ttl may have stored.
    name: 'caching is off (a ttl of 0): loaded for each call, and not kept',
    options: { ttl: 0 },
    steps: [ask(), give, ask(), give],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['miss', 'v2', 'check poll miss flight load admit answer'],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 0,
  },
  {
    // Rust never stores what a request that is not cacheable brought. Here such a call asks for a newer value, for all.
    name: 'a call that is to bypass the cache asks no tier, and keeps what it got',
    steps: [put('old'), ask(1, { reload: true }), give, look],
    answers: [
      ['bypass', 'v1', 'check flight load admit store answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'a call that bypasses the cache with a value that is not to be kept leaves what was there',
    steps: [put('old'), ask(1, { reload: true }), giveUnkept, look],
    answers: [
      ['bypass', 'v1', 'check flight load admit answer'],
      ['hit', 'old', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
  {
    name: 'a call that bypasses the cache while a load runs: each gets its own, and the newer is kept',
    steps: [ask(), ask(1, { reload: true }), give, give, look],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['bypass', 'v2', 'check flight load admit store answer'],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'started', 'done', 'done'],
    stores: 1,
  },
  {
    name: 'a miss with a value worth keeping',
    steps: [ask(), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'a miss with a value not to be kept',
    steps: [ask(), giveUnkept, look],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
  {
    name: 'a miss whose load fails, and the next one tries again',
    steps: [ask(), fail, ask(), give],
    answers: [
      ['miss failed', 'no 1', 'check poll miss flight load answer'],
      ['miss', 'v2', MISS],
    ],
    loads: ['started', 'failed', 'started', 'done'],
    stores: 1,
  },
  {
    name: 'a read without a loader',
    steps: [look],
    answers: [['miss', undefined, 'check poll miss answer']],
    loads: [],
    stores: 0,
  },
]

const TOGETHER: readonly Scenario[] = [
  {
    name: 'three callers at once: one load, and two wait for it',
    steps: [ask(3), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'three callers one after another while a load runs: the later ones need not ask the tiers',
    steps: [ask(), ask(), ask(), give],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED],
      ['miss collapsed', 'v1', JOINED],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    // Rust lets all who waited call upstream at once. Here they came before the value was made, so it answers them.
    name: 'three callers, a value not to be kept: shared by who waited, and loaded anew for who comes later',
    steps: [ask(3), giveUnkept, ask(), giveUnkept],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss', 'v2', 'check poll miss flight load admit answer'],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 0,
  },
  {
    // Rust closes the broadcast, and every waiter calls upstream: three loads on a source in trouble. Here one failure is one.
    name: 'three callers, the load fails: one failure for all',
    steps: [ask(3), fail],
    answers: [
      ['miss failed', 'no 1', 'check poll miss flight load answer'],
      ['miss collapsed failed', 'no 1', JOINED_AFTER_POLL],
      ['miss collapsed failed', 'no 1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'failed'],
    stores: 0,
  },
  {
    // Rust frees the permit of a leader that is dropped and keeps its entry: the waiters hang until another request comes.
    name: 'three callers, the first leaves: the others get the value of its load',
    steps: [ask(3), leave(0), give],
    answers: [
      ['miss failed', 'left', 'check poll miss flight load answer'],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'three callers, and all leave: the load is aborted, and the key is free',
    steps: [ask(3), leave(0), leave(1), leave(2), ask(), giveLate(1), give],
    answers: [
      ['miss failed', 'left', 'check poll miss flight load answer'],
      ['miss collapsed failed', 'left', JOINED_AFTER_POLL],
      ['miss collapsed failed', 'left', JOINED_AFTER_POLL],
      ['miss', 'v2', MISS],
    ],
    loads: ['started', 'abandoned', 'started', 'done'],
    stores: 1,
  },
]

const stale = { ttl: '10s', staleAfter: '5s' } as const
const kept = { ttl: '10s', staleIfError: '1m' } as const
const STALE = 'check poll stale answer'

const FRESH_AND_STALE: readonly Scenario[] = [
  {
    name: 'a fresh value, up to the last millisecond before it goes stale',
    options: { ...stale, stalePolicy: 'return' },
    steps: [put('old'), ask(), pass('4999ms'), ask(), pass('1ms'), ask()],
    answers: [
      ['hit', 'old', 'check poll fresh answer'],
      ['hit', 'old', 'check poll fresh answer'],
      ['stale', 'old', STALE],
    ],
    loads: [],
    stores: 0,
  },
  {
    name: 'stale, and only to be returned, up to its last millisecond',
    options: { ...stale, stalePolicy: 'return' },
    steps: [put('old'), pass('9999ms'), ask(3), look, pass('1ms'), look],
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: [],
    stores: 0,
  },
  {
    // Rust's default offload drops the task, and the value is never refreshed.
    name: 'stale, refreshed behind: all are answered at once, one load runs',
    options: stale,
    steps: [put('old'), pass('5s'), ask(3), ask(), give, ask()],
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['refresh started', 'refresh done'],
    stores: 1,
  },
  {
    name: 'stale, refreshed behind with a value not to be kept: the old one stays, and is tried again',
    options: stale,
    steps: [put('old'), pass('5s'), ask(), giveUnkept, ask(), give, look],
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['refresh started', 'refresh done', 'refresh started', 'refresh done'],
    stores: 1,
  },
  {
    name: 'stale, a refresh that fails: the old value stays to its end, and the source rests for a while',
    options: { ...stale, retryAfter: '1s' },
    steps: [
      put('old'),
      pass('5s'),
      ask(),
      fail,
      pass('999ms'),
      ask(),
      pass('1ms'),
      ask(),
      fail,
    ].concat([pass('4s'), ask(), give]),
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['miss', 'v3', MISS],
    ],
    loads: ['refresh started', 'refresh failed'].concat(
      ['refresh started', 'refresh failed'],
      ['started', 'done'],
    ),
    stores: 1,
  },
  {
    name: 'stale, refreshed behind by a load that never ends: aborted in its time, and the old value stays',
    options: { ...stale, hardTimeout: '1s' },
    steps: [put('old'), pass('5s'), ask(), pass('1s'), giveLate(1), ask()],
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
    ],
    loads: ['refresh started', 'refresh timed-out'],
    stores: 0,
  },
  {
    // In Rust each of the three calls upstream: revalidation goes past the limit on loads.
    name: 'stale, revalidated: one load, and all wait for it',
    options: { ...stale, stalePolicy: 'revalidate' },
    steps: [put('old'), pass('5s'), ask(3), give, ask()],
    answers: [
      ['miss', 'v1', 'check poll stale flight load admit store answer'],
      ['miss collapsed', 'v1', 'check poll stale flight answer'],
      ['miss collapsed', 'v1', 'check poll stale flight answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'stale, revalidated with a value not to be kept: it answers, and the old one stays',
    options: { ...stale, stalePolicy: 'revalidate' },
    steps: [put('old'), pass('5s'), ask(), giveUnkept, look],
    answers: [
      ['miss', 'v1', 'check poll stale flight load admit answer'],
      ['stale', 'old', STALE],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
  {
    // Rust hands the failure to the caller, although an old value was at hand. Afterwards the source rests.
    name: 'stale, a revalidation that fails: the old value for all who waited',
    options: { ...stale, stalePolicy: 'revalidate' },
    steps: [put('old'), pass('5s'), ask(3), fail, ask(), pass('1s'), ask(), give],
    answers: [
      ['stale', 'old', 'check poll stale flight load answer'],
      ['stale collapsed', 'old', 'check poll stale flight answer'],
      ['stale collapsed', 'old', 'check poll stale flight answer'],
      ['stale', 'old', STALE],
      ['miss', 'v2', 'check poll stale flight load admit store answer'],
    ],
    loads: ['started', 'failed', 'started', 'done'],
    stores: 1,
  },
  {
    name: 'stale, a revalidation that is late: the old value in time, the new one when it comes',
    options: { ...stale, stalePolicy: 'revalidate', softTimeout: '200ms' },
    steps: [put('old'), pass('5s'), ask(2), pass('200ms'), give, ask()],
    answers: [
      ['stale', 'old', 'check poll stale flight load answer'],
      ['stale collapsed', 'old', 'check poll stale flight answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'stale, a revalidation whose first caller leaves: the other gets the new value',
    options: { ...stale, stalePolicy: 'revalidate' },
    steps: [put('old'), pass('5s'), ask(2), leave(0), give],
    answers: [
      ['miss failed', 'left', 'check poll stale flight load answer'],
      ['miss collapsed', 'v1', 'check poll stale flight answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'stale and at rest after a failure, and then changed: tried at once',
    options: stale,
    steps: [
      put('old'),
      pass('5s'),
      ask(),
      fail,
      ask(),
      put('newer', { staleAfter: 0 }),
      ask(),
      give,
    ],
    answers: [
      ['stale', 'old', STALE],
      ['stale', 'old', STALE],
      ['stale', 'newer', STALE],
    ],
    loads: ['refresh started', 'refresh failed', 'refresh started', 'refresh done'],
    stores: 1,
  },
  {
    name: 'made stale by hand',
    steps: [put('old'), expire, ask(), give, ask()],
    answers: [
      ['stale', 'old', STALE],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['refresh started', 'refresh done'],
    stores: 1,
  },
]

const EXPIRED: readonly Scenario[] = [
  {
    name: 'expired: as if it had never been there',
    steps: [put('old'), pass('10s'), ask(), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'expired, a value not to be kept',
    steps: [put('old'), pass('10s'), ask(), giveUnkept, look],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['miss', undefined, 'check poll miss answer'],
    ],
    loads: ['started', 'done'],
    stores: 0,
  },
  {
    name: 'expired, three callers: one load',
    steps: [put('old'), pass('10s'), ask(3), give],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    // Rust: the waiters of a leader that failed call upstream, each for itself.
    name: 'expired, three callers, the load fails: one failure for all',
    steps: [put('old'), pass('10s'), ask(3), fail],
    answers: [
      ['miss failed', 'no 1', 'check poll miss flight load answer'],
      ['miss collapsed failed', 'no 1', JOINED_AFTER_POLL],
      ['miss collapsed failed', 'no 1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'failed'],
    stores: 0,
  },
  {
    name: 'expired and kept: replaced, and not served meanwhile',
    options: kept,
    steps: [put('old'), pass('10s'), look, ask(), give],
    answers: [
      ['miss', undefined, 'check poll expired answer'],
      ['miss', 'v1', 'check poll expired flight load admit store answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'expired and kept, a value not to be kept: it answers, and what is there stays there',
    options: kept,
    steps: [put('old'), pass('10s'), ask(), giveUnkept, ask(), fail],
    answers: [
      ['miss', 'v1', 'check poll expired flight load admit answer'],
      ['stale', 'old', 'check poll expired flight load answer'],
    ],
    loads: ['started', 'done', 'started', 'failed'],
    stores: 0,
  },
  {
    name: 'expired and kept, three callers: one load',
    options: kept,
    steps: [put('old'), pass('10s'), ask(3), give],
    answers: [
      ['miss', 'v1', 'check poll expired flight load admit store answer'],
      ['miss collapsed', 'v1', 'check poll expired flight answer'],
      ['miss collapsed', 'v1', 'check poll expired flight answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    // There is no such thing in Rust: an expired value is no value.
    name: 'expired and kept, the load fails: the old value for all who waited, and a rest for the source',
    options: kept,
    steps: [put('old'), pass('10s'), ask(2), fail, ask(), pass('1s'), ask(), give],
    answers: [
      ['stale', 'old', 'check poll expired flight load answer'],
      ['stale collapsed', 'old', 'check poll expired flight answer'],
      ['stale', 'old', 'check poll expired answer'],
      ['miss', 'v2', 'check poll expired flight load admit store answer'],
    ],
    loads: ['started', 'failed', 'started', 'done'],
    stores: 1,
  },
  {
    name: 'expired, kept, and past that too while its load runs: the failure reaches the callers',
    options: kept,
    steps: [put('old'), pass('69999ms'), ask(2), pass('1ms'), fail],
    answers: [
      ['miss failed', 'no 1', 'check poll expired flight load answer'],
      ['miss collapsed failed', 'no 1', 'check poll expired flight answer'],
    ],
    loads: ['started', 'failed'],
    stores: 0,
  },
  {
    name: 'expired and kept, a load that is late: the old value in time, the new one when it comes',
    options: { ...kept, softTimeout: '200ms' },
    steps: [put('old'), pass('10s'), ask(), pass('200ms'), give, ask()],
    answers: [
      ['stale', 'old', 'check poll expired flight load answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'expired and kept, the first caller leaves: the other gets the new value',
    options: kept,
    steps: [put('old'), pass('10s'), ask(2), leave(0), give],
    answers: [
      ['miss failed', 'left', 'check poll expired flight load answer'],
      ['miss collapsed', 'v1', 'check poll expired flight answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
]

const LOAD = 'check poll miss flight load answer'

const LIMITS: readonly Scenario[] = [
  {
    // Rust stores what each of the three loads gave. Here the first that succeeds answers all, and the others are aborted.
    name: 'a limit of three: three loads, one value',
    options: { concurrency: 3 },
    steps: [ask(3), give, look],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', 'v1', LOAD],
      ['miss', 'v1', LOAD],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'started', 'started', 'done', 'abandoned', 'abandoned'],
    stores: 1,
  },
  {
    name: 'a limit of two: the third caller waits',
    options: { concurrency: 2 },
    steps: [ask(3), give],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', 'v1', LOAD],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'started', 'done', 'abandoned'],
    stores: 1,
  },
  {
    name: 'a limit of two, a caller who comes later adds the second load',
    options: { concurrency: 2 },
    steps: [ask(), ask(), ask(), give],
    answers: [
      ['miss', 'v1', MISS],
      ['miss', 'v1', 'check flight load answer'],
      ['miss collapsed', 'v1', JOINED],
    ],
    loads: ['started', 'started', 'done', 'abandoned'],
    stores: 1,
  },
  {
    name: 'a limit of two, one load fails: the other answers all',
    options: { concurrency: 2 },
    steps: [ask(3), fail, give],
    answers: [
      ['miss', 'v2', LOAD],
      ['miss', 'v2', MISS],
      ['miss collapsed', 'v2', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'started', 'failed', 'done'],
    stores: 1,
  },
  {
    name: 'a limit of two, both loads fail: one failure for all, that of the last',
    options: { concurrency: 2 },
    steps: [ask(3), fail, fail],
    answers: [
      ['miss failed', 'no 2', LOAD],
      ['miss failed', 'no 2', LOAD],
      ['miss collapsed failed', 'no 2', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'started', 'failed', 'failed'],
    stores: 0,
  },
  {
    name: 'a limit of two, a value not to be kept: it answers all',
    options: { concurrency: 2 },
    steps: [ask(3), giveUnkept],
    answers: [
      ['miss', 'v1', 'check poll miss flight load admit answer'],
      ['miss', 'v1', LOAD],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'started', 'done', 'abandoned'],
    stores: 0,
  },
  {
    // In Rust a waiter waits for its leader without end.
    name: 'a load that never ends: its callers fail in time, the key is free, and what it gives at last is nothing to anybody',
    options: { hardTimeout: '1s' },
    steps: [ask(2), pass('1s'), ask(), giveLate(1), give, look],
    answers: [
      ['miss failed', 'TIMEOUT', LOAD],
      ['miss collapsed failed', 'TIMEOUT', JOINED_AFTER_POLL],
      ['miss', 'v2', MISS],
      ['hit', 'v2', 'check poll fresh answer'],
    ],
    loads: ['started', 'timed-out', 'started', 'done'],
    stores: 1,
  },
  {
    name: 'a failure that is to be shared for a while',
    options: { errorTtl: '1s' },
    steps: [ask(), fail, pass('999ms'), ask(2), pass('1ms'), ask(), give],
    answers: [
      ['miss failed', 'no 1', LOAD],
      ['miss failed', 'no 1', 'check poll miss answer'],
      ['miss failed', 'no 1', 'check poll miss answer'],
      ['miss', 'v2', MISS],
    ],
    loads: ['started', 'failed', 'started', 'done'],
    stores: 1,
  },
]

const life = { ttlMs: 10_000, freshMs: 10_000 }

/** Where the tiers are not both in this process, or in trouble. */
const TIERS: readonly (Scenario & { readonly tiers: TierChoice })[] = [
  {
    name: 'a fresh value below: answers, and is in memory the next time',
    tiers: 'memory over a store',
    steps: [putBelow('below', life), ask(), ask()],
    answers: [
      ['hit', 'below', 'check poll fresh answer'],
      ['hit', 'below', 'check poll fresh answer'],
    ],
    sources: ['tiers.store', 'tiers.memory'],
    loads: [],
    stores: 0,
  },
  {
    name: 'a stale value below: answers, and is not copied up',
    tiers: 'memory over a store',
    options: { stalePolicy: 'return' },
    steps: [putBelow('below', { ...life, freshMs: 0 }), ask(), ask()],
    answers: [
      ['stale', 'below', STALE],
      ['stale', 'below', STALE],
    ],
    sources: ['tiers.store', 'tiers.store'],
    loads: [],
    stores: 0,
  },
  {
    // In Rust each request reads for itself.
    name: 'callers at the same moment share one read of the tiers',
    tiers: 'a store',
    steps: [ask(3), look, give, ask(2)],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['miss', undefined, 'check poll miss answer'],
      ['hit', 'v1', 'check poll fresh answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
    store: ['get user:1', 'get user:1', 'set user:1', 'get user:1'],
  },
  {
    name: 'a tier that cannot be read: as if the value were missing',
    tiers: 'a store',
    steps: [put('old'), broken('get'), ask(2), give],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    name: 'a tier that does not answer: as if the value were missing, after its deadline',
    tiers: 'a store',
    options: { tierTimeout: '300ms' },
    steps: [put('old'), unanswered('get'), ask(), pass('300ms'), give, answered],
    answers: [['miss', 'v1', MISS]],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    // Rust ignores that the write failed, and every request until the tier is back calls upstream.
    name: 'a tier that cannot be written: answered all the same, and the value serves for a second more',
    tiers: 'a store',
    steps: [broken('set'), ask(), give, ask(), pass('999ms'), ask(), pass('1ms'), ask(), give],
    answers: [
      ['miss', 'v1', MISS],
      ['hit collapsed', 'v1', 'check answer'],
      ['hit collapsed', 'v1', 'check answer'],
      ['miss', 'v2', MISS],
    ],
    loads: ['started', 'done', 'started', 'done'],
    stores: 0,
  },
  {
    // Rust answers after the write, and whoever comes between the end of the load and that of the write calls upstream again.
    name: 'a store that takes its time: nobody waits for it, and nobody finds a gap',
    tiers: 'memory over a store',
    steps: [unanswered('set'), ask(2), give, ask(), look, answered, ask()],
    answers: [
      ['miss', 'v1', MISS],
      ['miss collapsed', 'v1', JOINED_AFTER_POLL],
      ['hit collapsed', 'v1', 'check answer'],
      ['hit collapsed', 'v1', 'check answer'],
      ['hit', 'v1', 'check poll fresh answer'],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
  {
    // Rust does not look again after it has become the leader.
    name: 'a value that comes while the tiers are asked is found, not loaded',
    tiers: 'memory over a store',
    steps: [unanswered('get'), ask(2), put('meanwhile'), answered],
    answers: [
      ['hit', 'meanwhile', 'check poll fresh answer'],
      ['hit', 'meanwhile', 'check poll fresh answer'],
    ],
    loads: [],
    stores: 0,
  },
  {
    name: 'a value that goes while the tiers are asked is not kept for who comes later',
    tiers: 'memory over a store',
    steps: [putBelow('below', life), unanswered('get'), ask(), remove, ask(), answered, give],
    answers: [
      ['hit', 'below', 'check poll fresh answer'],
      ['miss', 'v1', MISS],
    ],
    loads: ['started', 'done'],
    stores: 1,
  },
]

const TABLES = {
  'nothing there': NOTHING_THERE,
  'several callers': TOGETHER,
  'something there': FRESH_AND_STALE,
  'something there that has expired': EXPIRED,
  'limits on loads': LIMITS,
}

describe.each(['memory', 'memory over a store'] as const)('over %s', (tiers) => {
  describe.each(Object.entries(TABLES))('%s', (_, rows) => {
    it.each(rows.map((row) => [row.name, row] as const))('%s', (_, row) => enact(row, tiers))
  })
})

describe('tiers apart, and in trouble', () => {
  it.each(TIERS.map((row) => [row.name, row] as const))('%s', (_, row) => enact(row, row.tiers))
})
