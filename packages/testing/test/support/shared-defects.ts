import type {
  Clock,
  DeleteStatus,
  StoreLease,
  StoreLeaseAnswer,
  StoreRead,
  StoreWrite,
} from '@hitbox/core'
import type { Defect } from './defects.ts'
import {
  type Over,
  SharedFeed,
  SharedLeases,
  type SharedMap,
  SharedStore,
  sharedSubject,
  turn,
} from './shared-store.ts'

type Leases = typeof SharedLeases
type FeedOf = (map: SharedMap, clock: Clock) => SharedFeed

function withLeases(Broken: Leases): ReturnType<typeof sharedSubject> {
  return sharedSubject(
    class extends SharedStore {
      override readonly leases = new Broken(this)
    },
  )
}

function withFeed(make: FeedOf): ReturnType<typeof sharedSubject> {
  return sharedSubject(
    class extends SharedStore {
      override readonly feed = make(this.map, this.clock)
    },
  )
}

/** Writes and removals leave leases as they are. */
class Lax extends SharedStore {
  override write(key: string, entry: StoreWrite): void {
    const held = this.map.held.get(key)
    super.write(key, entry)
    if (held !== undefined) this.map.held.set(key, held)
  }

  override remove(key: string): DeleteStatus {
    const held = this.map.held.get(key)
    const status = super.remove(key)
    if (held !== undefined) this.map.held.set(key, held)
    return status
  }
}

class GivesToAll extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    const answer = await super.take(key, over)
    return answer.is === 'held' ? this.grant(key) : answer
  }
}

class StoresNothing extends SharedLeases {
  override async fill(): Promise<boolean> {
    return true
  }
}

class Endless extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    const held = this.store.map.held.get(key)
    const ended = held !== undefined && held.endsAt <= this.store.clock.now()
    return ended && over === 'nothing' ? { is: 'held', forMs: 1 } : super.take(key, over)
  }
}

class FillsAlways extends SharedLeases {
  override async fill(key: string, _lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    this.store.write(key, entry)
    return true
  }
}

class DeniesLateFills extends SharedLeases {
  override async fill(key: string, lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    const held = this.store.map.held.get(key)
    const late = held !== undefined && held.endsAt <= this.store.clock.now()
    return (await super.fill(key, lease, entry)) && !late
  }
}

class KeepsReleased extends SharedLeases {
  override async release(): Promise<void> {
    // As if nothing had been said.
  }
}

class ReleasesAll extends SharedLeases {
  override async release(key: string): Promise<void> {
    this.store.map.held.delete(key)
  }
}

class TakesAway extends SharedLeases {
  override grant(key: string): StoreLeaseAnswer {
    this.store.map.delete(key)
    return super.grant(key)
  }
}

class ReleasesWithValue extends SharedLeases {
  override async release(key: string, lease: StoreLease): Promise<void> {
    await super.release(key, lease)
    this.store.map.delete(key)
  }
}

class ExpiresAway extends SharedLeases {
  override async expire(key: string): Promise<boolean> {
    return this.store.remove(key).count > 0
  }
}

class ExpiresOnly extends SharedLeases {
  override async expire(key: string): Promise<boolean> {
    const held = this.store.map.held.get(key)
    const was = await super.expire(key)
    if (held !== undefined) this.store.map.held.set(key, held)
    return was
  }
}

class RenewsInWords extends SharedLeases {
  override async renew(): Promise<boolean> {
    return true
  }
}

class NeverOverAnything extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    return super.take(key, over === 'anything' ? 'nothing' : over)
  }
}

class KeepsRubbish extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    return super.take(key, typeof over === 'object' ? 'nothing' : over)
  }
}

class ReplacesAnyBytes extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    const answer = await super.take(key, over)
    return answer.is === 'found' && answer.read.bytes[2] === 255 ? this.grant(key) : answer
  }
}

class FindsWhatIsOver extends SharedLeases {
  override async take(key: string, over: Over): Promise<StoreLeaseAnswer> {
    const read = this.store.read(key)
    return read !== undefined && (read.ttlMs ?? 1) <= 0
      ? { is: 'found', read }
      : super.take(key, over)
  }
}

class SharesLeases extends SharedLeases {
  override hold(key: string, lease: StoreLease): void {
    super.hold(key, lease)
    super.hold(key === 'k' ? 'k2' : key, lease)
  }
}

class FillsInTwoSteps extends SharedLeases {
  override async fill(key: string, lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    if (this.store.map.held.get(key)?.lease !== lease) return false
    await turn()
    this.store.write(key, entry)
    return true
  }
}

const LEASE_DEFECTS: readonly Defect[] = [
  ['everybody is given the lease', ['M01'], withLeases(GivesToAll)],
  ['a fill is confirmed and not stored', ['M02'], withLeases(StoresNothing)],
  ['what is changed keeps its lease', ['M03', 'M04'], sharedSubject(Lax)],
  ['a lease never ends', ['M05'], withLeases(Endless)],
  ['a fill needs no lease', ['M03', 'M04', 'M05', 'M07', 'M12'], withLeases(FillsAlways)],
  ['a fill is stored and denied', ['M06'], withLeases(DeniesLateFills)],
  ['a lease that is released stays', ['M07', 'M09', 'M15'], withLeases(KeepsReleased)],
  ['anybody releases any lease', ['M07'], withLeases(ReleasesAll)],
  ['a value is gone while it is made anew', ['M08'], withLeases(TakesAway)],
  ['a value goes with the lease on it', ['M09'], withLeases(ReleasesWithValue)],
  ['a value that is made stale is gone', ['M10'], withLeases(ExpiresAway)],
  ['the lease on a value outlives its end', ['M10'], withLeases(ExpiresOnly)],
  ['a renewal is only confirmed', ['M11'], withLeases(RenewsInWords)],
  ['only what is nothing can be taken over', ['M12'], withLeases(NeverOverAnything)],
  ['bytes without a value stay', ['M13'], withLeases(KeepsRubbish)],
  ['values of later versions are replaced', ['M13'], withLeases(ReplacesAnyBytes)],
  ['a value that is over stands in the way', ['M14'], withLeases(FindsWhatIsOver)],
  ['keys share a lease', ['M16'], withLeases(SharesLeases)],
  ['a fill looks first and writes then', ['M17'], withLeases(FillsInTwoSteps)],
]

class Silent extends SharedFeed {
  override hear(): void {
    // Nobody learns of it.
  }
}

/** Tells everybody, whoever did it. */
class Echoing extends SharedStore {
  override write(key: string, entry: StoreWrite): void {
    super.write(key, entry)
    this.feed.hear(key, this.map.changes)
  }

  override remove(key: string): DeleteStatus {
    const status = super.remove(key)
    this.feed.hear(key, this.map.changes)
    return status
  }
}

/** Its leases do not tell what they do. */
class MuteLeases extends SharedLeases {
  override async fill(key: string, lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    return this.#unheard(() => super.fill(key, lease, entry))
  }

  override async expire(key: string): Promise<boolean> {
    return this.#unheard(() => super.expire(key))
  }

  async #unheard<R>(run: () => Promise<R>): Promise<R> {
    const { feeds } = this.store.map
    const before = [...feeds]
    feeds.clear()
    try {
      return await run()
    } finally {
      for (const feed of before) feeds.add(feed)
    }
  }
}

class LateNews extends SharedFeed {
  override hear(key: string, change: number): void {
    void turn()
      .then(turn)
      .then(turn)
      .then(() => super.hear(key, change))
  }
}

/** Tells once for each read, and forgets that it has to when it is written here. */
class TracksReads extends SharedStore {
  override readonly feed = new Tracking(this.map, this.clock)

  override read(key: string): StoreRead | undefined {
    this.feed.read.add(key)
    return super.read(key)
  }

  override write(key: string, entry: StoreWrite): void {
    this.feed.read.delete(key)
    super.write(key, entry)
  }
}

class Tracking extends SharedFeed {
  readonly read = new Set<string>()

  override hear(key: string, change: number): void {
    if (this.read.delete(key)) super.hear(key, change)
  }
}

/** Begins to follow a key when the answer of a read is there. */
class TracksAnswers extends TracksReads {
  override read(key: string): never {
    const { clock } = this
    const stored = this.entries.get(key)
    const answer = async (): Promise<StoreRead | undefined> => {
      await turn()
      this.feed.read.add(key)
      return stored && { bytes: stored.bytes, ttlMs: stored.endsAt - clock.now() }
    }
    return answer() as never
  }

  override write(key: string, entry: StoreWrite): void {
    this.map.held.delete(key)
    this.entries.set(key, { bytes: entry.bytes, endsAt: this.clock.now() + entry.ttlMs })
    this.map.changed(key, this.feed)
  }
}

class StandsStill extends SharedFeed {
  readonly #since = this.clock.now()

  override get fence(): number {
    return this.#since
  }
}

class Overconfident extends SharedFeed {
  override get fence(): number {
    return Number.POSITIVE_INFINITY
  }
}

class ReachedAlways extends SharedFeed {
  override reached(): boolean {
    return true
  }
}

class ReachedTooSoon extends SharedFeed {
  override reached(stamp: string): boolean {
    return /^c\d+$/.test(stamp)
  }
}

class TellsOn extends SharedFeed {
  override listen(listener: Parameters<SharedFeed['listen']>[0]): () => void {
    super.listen(listener)
    return () => {}
  }
}

class EndsAll extends SharedFeed {
  override listen(listener: Parameters<SharedFeed['listen']>[0]): () => void {
    const end = super.listen(listener)
    return () => {
      end()
      this.listeners.clear()
    }
  }
}

class CutsKeys extends SharedFeed {
  override hear(key: string, change: number): void {
    super.hear(key.slice(0, 40), change)
  }
}

const feed = (Broken: new (map: SharedMap, clock: Clock) => SharedFeed): Defect[2] =>
  withFeed((map, clock) => new Broken(map, clock))

const FEED_DEFECTS: readonly Defect[] = [
  ['nothing is told', ['N01', 'N02', 'N05', 'N06', 'N07', 'N09', 'N10', 'N11'], feed(Silent)],
  ['what leases do is not told', ['N02'], withLeases(MuteLeases)],
  ['everybody is told what he did himself', ['N03', 'N04'], sharedSubject(Echoing)],
  ['a barrier does not wait', ['N05', 'N09'], feed(LateNews)],
  ['a write ends what a read began', ['N06'], sharedSubject(TracksReads)],
  ['a read is followed from its answer on', ['N07'], sharedSubject(TracksAnswers)],
  ['the fence stands still', ['N08'], feed(StandsStill)],
  ['the fence is far ahead', ['N08'], feed(Overconfident)],
  ['any text is reached', ['N09'], feed(ReachedAlways)],
  ['a text is reached before its changes are told', ['N09'], feed(ReachedTooSoon)],
  ['who has ended it is told on', ['N10'], feed(TellsOn)],
  ['one who ends it ends it for all', ['N10'], feed(EndsAll)],
  ['long keys are told in part', ['N11'], feed(CutsKeys)],
]

export const SHARED_DEFECTS: readonly Defect[] = [...LEASE_DEFECTS, ...FEED_DEFECTS]
