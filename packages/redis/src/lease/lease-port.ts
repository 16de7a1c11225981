import { createHash, randomBytes } from 'node:crypto'
import type {
  Clock,
  LeasePort,
  StoreKey,
  StoreLease,
  StoreLeaseAnswer,
  StoreRead,
  StoreWrite,
} from '@hitbox/core'
import { type Audience, NOBODY } from '../coherence/audience.ts'
import type { Dispatcher } from '../dispatcher.ts'
import { type EpochPolicy, judged } from '../epoch.ts'
import type { Exchange } from '../exchange.ts'
import { lifeLeft } from '../life-left.ts'
import type { Outbox } from '../outbox.ts'
import type { Reply, Session, Word } from '../session.ts'
import type { StringLayout } from '../string-layout.ts'
import type { Topology } from '../topology.ts'
import { word } from '../words.ts'
import { runScript } from './run-script.ts'
import { EXPIRE, FILL, RELEASE, RENEW, type Script, TAKE } from './scripts.ts'

/** What leases are made of. */
export interface LeaseParts {
  readonly topology: Topology
  readonly dispatcher: Dispatcher
  readonly clock: Clock
  readonly layout: StringLayout
  readonly outbox: Outbox
  readonly audience: Audience
  readonly leaseMs: number
  readonly policy: EpochPolicy
}

interface RedisLease extends StoreLease {
  readonly token: Buffer
  /** Under which memory of the server it was given. */
  readonly epochText: string | undefined
}

/** What may be replaced, see {@link LeasePort.take}. */
type Over = Parameters<LeasePort['take']>[1]

const TOKEN_BYTES = 8
const GRANTED = 1
const HELD = 2

/** Leases on keys of a server, as a token in the tail of an envelope or alone. Each operation is one command. */
export class RedisLeases implements LeasePort<StoreKey> {
  readonly #parts: LeaseParts

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  take(key: StoreKey, over: Over): Promise<StoreLeaseAnswer> {
    const { clock, leaseMs, policy } = this.#parts
    // Made once, so that a grant whose answer was lost is one when it is asked for again.
    const token = randomBytes(TOKEN_BYTES)
    let sentAt = 0
    return this.#run<StoreLeaseAnswer>('read', key, {
      send: (session) => {
        sentAt = clock.now()
        const epoch = word(session.facts.epoch)
        const args = [token, String(leaseMs), ...overWords(over), epoch, policy]
        // What it replaces is no value to anybody.
        return this.#script(session, TAKE, key, args, NOBODY)
      },
      take: (reply, session) => {
        const [is, first, second] = reply as readonly Reply[]
        if (is === GRANTED) {
          const lease: RedisLease = { leaseMs, token, epochText: session.facts.epochText }
          return { is: 'granted', lease }
        }
        if (is === HELD) return { is: 'held', forMs: Math.max(0, first as number) }
        const ttlMs = lifeLeft(second as number, clock.now() - sentAt)
        const read: StoreRead = { bytes: first as Buffer, ttlMs }
        return { is: 'found', read: judged(read, session, policy) }
      },
    })
  }

  async fill(key: StoreKey, lease: StoreLease, entry: StoreWrite): Promise<boolean> {
    const { clock, layout, audience } = this.#parts
    const { token, epochText } = lease as RedisLease
    const since = clock.now()
    // What is sent again must be the same, to be known again: the moment of writing is put in once.
    let sealed = entry
    const reply = await this.#run<Reply>('write', key, {
      send: async (session) => {
        // The server that gave the lease has lost its memory, or is another one.
        if (session.facts.epochText !== epochText) return 0
        const { bytes, ms } = await layout.prepare(session, key, sealed, since)
        sealed = { ...entry, bytes }
        if (ms === 0) return this.#script(session, RELEASE, key, [token], NOBODY).then(() => 0)
        const args = [token, word(bytes), ms ?? '']
        return this.#script(session, FILL, key, args, audience)
      },
      take: itself,
    })
    return reply === 1
  }

  async renew(key: StoreKey, lease: StoreLease): Promise<boolean> {
    const { leaseMs } = this.#parts
    const args = [(lease as RedisLease).token, String(leaseMs)]
    return (await this.#change('write', key, RENEW, args, NOBODY)) === 1
  }

  async release(key: StoreKey, lease: StoreLease): Promise<void> {
    await this.#change('write', key, RELEASE, [(lease as RedisLease).token], NOBODY)
  }

  async expire(key: StoreKey): Promise<boolean> {
    const { audience, outbox } = this.#parts
    try {
      return (await this.#change('write', key, EXPIRE, [], audience)) === 1
    } catch (error) {
      outbox.keep(key, error)
      throw error
    }
  }

  #change(
    operation: 'write',
    key: StoreKey,
    script: Script,
    args: readonly Word[],
    audience: Audience,
  ): Promise<Reply> {
    return this.#run<Reply>(operation, key, {
      send: (session) => this.#script(session, script, key, args, audience),
      take: itself,
    })
  }

  #run<R>(operation: 'read' | 'write', key: StoreKey, exchange: Exchange<R, Reply>): Promise<R> {
    const { dispatcher, topology } = this.#parts
    return dispatcher.run(operation, topology.primary(key), exchange)
  }

  async #script(
    session: Session,
    script: Script,
    key: StoreKey,
    args: readonly Word[],
    audience: Audience,
  ): Promise<Reply> {
    const { outbox } = this.#parts
    session.keepTime()
    const kept = outbox.get(key)
    const first = kept === undefined ? undefined : outbox.deliver(kept, session)
    const [reply] = await Promise.all([runScript(session, { script, key, args }, audience), first])
    return reply
  }
}

function overWords(over: Over): readonly [string, Word] {
  if (typeof over === 'string') return [over, '']
  if (typeof over !== 'number') return ['bytes', createHash('sha1').update(over).digest('hex')]
  const id = Buffer.alloc(4)
  id.writeUInt32LE(over)
  return ['id', id]
}

function itself(reply: Reply): Reply {
  return reply
}
