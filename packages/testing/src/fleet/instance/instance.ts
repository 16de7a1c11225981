import { setImmediate, setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { InstanceConfig } from '../messages.ts'
import type { ProgramUnderTest, StartProgram } from '../program.ts'
import { randomFor } from '../seeds.ts'
import { stepsOf } from '../workload.ts'
import { Caller } from './caller.ts'
import { Calls } from './calls.ts'
import { KeyLocks } from './key-locks.ts'
import { KeySpace } from './key-space.ts'
import { Outbox, send } from './outbox.ts'
import { OwnTime } from './own-time.ts'
import { Patience } from './patience.ts'
import { Source } from './source.ts'

/** How many deadlines a call may take before nobody waits for it. */
const PATIENCE = 3
/** What calls may take beyond their deadline once the run is over. */
const GRACE_MS = 500

/** One process of a fleet: the program, and its callers. */
export class Instance {
  readonly #config: InstanceConfig
  readonly #source: Source
  readonly #program: ProgramUnderTest
  readonly #outbox = new Outbox()
  readonly #time = new OwnTime()
  readonly #patience: Patience
  readonly #calls: Calls
  #running: Promise<unknown> = Promise.resolve()
  #isStopping = false

  private constructor(config: InstanceConfig, source: Source, program: ProgramUnderTest) {
    this.#config = config
    this.#source = source
    this.#program = program
    this.#patience = new Patience(this.#time, config.deadlineMs * PATIENCE)
    this.#calls = new Calls(this.#time, this.#patience, this.#outbox, config.deadlineMs)
  }

  /** @throws what the program's module or its start throws. */
  static async start(config: InstanceConfig): Promise<Instance> {
    const { instance, life, cacheUrl, maxStaleMs, deadlineMs, clockOffsetMs } = config
    const source = new Source(config.source, randomFor(config.seed, 'loads', instance, life))
    const module = (await import(pathToFileURL(config.program).href)) as {
      readonly start?: StartProgram
      readonly default?: StartProgram
    }
    const start = module.start ?? module.default
    if (typeof start !== 'function') throw new Error(`the program exports no function "start"`)
    const program = await start({
      cacheUrl,
      instance,
      maxStaleMs,
      deadlineMs,
      clockOffsetMs,
      settings: JSON.parse(config.settings) as unknown,
      load: (key, signal) => source.load(key, signal),
    })
    return new Instance(config, source, program)
  }

  /** @param startedAt - When the run began, in machine time. */
  go(startedAt: number): void {
    const place = {
      program: this.#program,
      source: this.#source,
      keys: new KeySpace(this.#config, startedAt),
      locks: new KeyLocks(),
      calls: this.#calls,
      outbox: this.#outbox,
      maxStaleMs: this.#config.maxStaleMs,
    }
    const numbers = Array.from({ length: this.#config.callers }, (_, number) => number)
    this.#running = Promise.all(
      numbers.map((number) => this.#call(number, new Caller(number, place))),
    )
  }

  /** @param forMs - `Infinity` for never. */
  hangLoader(loads: number, forMs: number): void {
    this.#source.hangNext(loads, forMs)
  }

  /** Lets the callers finish, closes the program, and tells the fleet what is left to tell. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#patience.limit(this.#config.deadlineMs + GRACE_MS)
    await this.#running
    const stats = this.#program.stats?.() ?? {}
    await this.#calls.make('close', (settle) => settle(async () => this.#program.close()))
    this.#outbox.stop()
    this.#patience.stop()
    this.#time.stop()
    this.#source.close()
    await send({ type: 'done', stats })
  }

  async #call(number: number, caller: Caller): Promise<void> {
    const steps = stepsOf({ ...this.#config, caller: number })
    while (!this.#isStopping) {
      const step = steps.next().value
      await caller.take(step)
      // Never straight on: a program that answers at once would leave no turn to the network.
      if (step.pauseMs === 0) await setImmediate()
      else await setTimeout(step.pauseMs)
    }
  }
}
