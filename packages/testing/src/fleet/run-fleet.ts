import { setMaxListeners } from 'node:events'
import { access } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { checkHistory } from '../history/check-history.ts'
import { machineTime } from '../history/machine-time.ts'
import { type RedisServer, startRedis } from '../servers/redis-server.ts'
import { CacheServer } from './cache-server.ts'
import { Collector } from './collector.ts'
import { type InjectedFault, injectFaults } from './fault-injector.ts'
import { FleetInstance } from './fleet-instance.ts'
import { type FleetOptions, type ResolvedFleetOptions, resolveFleetOptions } from './options.ts'
import { drawPlan, type FleetPlan } from './plan-fleet.ts'
import type { FleetReport } from './report.ts'

/** What closing may take beyond the deadlines of the calls that are under way and of the close. */
const CLOSE_MS = 3_000

/**
 * Runs a cache in several real processes over one real Redis while things break, and judges what its callers saw.
 *
 * Each process runs the program over its own {@link faultProxy}; a second Redis, which nothing befalls, is the source. Callers
 * read, write the source and make it known, by seed; faults come by seed too, and are healed before the end. Nothing is left
 * running when it settles, however it does.
 *
 * A program is JavaScript, since Node runs it as it is; from a test runner that compiles, build it first, and this package too
 * when it is run from its source.
 *
 * @example
 * ```ts
 * import { describeFleet, runFleet } from '@hitbox/testing'
 *
 * const report = await runFleet({
 *   program: new URL('program.js', import.meta.url),
 *   duration: '5s',
 *   faults: ['stall-to-client', 'kill-redis'],
 * })
 * console.log(describeFleet(report))
 * if (report.history.violations.length > 0) process.exitCode = 1
 * ```
 * @throws {@link CacheError} `INVALID_OPTION` for an option that cannot be used, `UNSUPPORTED` without a Redis, or an error
 * that says why a program did not start.
 */
export async function runFleet(options: FleetOptions): Promise<FleetReport> {
  const resolved = resolveFleetOptions(options)
  await access(resolved.program)
  const plan = drawPlan(resolved)
  resolved.onProgress(`seed ${resolved.seed}`)
  const fleet = new Fleet(resolved, plan)
  try {
    await fleet.start()
    return await fleet.run()
  } finally {
    await fleet.end()
  }
}

class Fleet {
  readonly #options: ResolvedFleetOptions
  readonly #plan: FleetPlan
  readonly #collector: Collector
  readonly #abort = new AbortController()
  #source: RedisServer | undefined
  #cache: CacheServer | undefined
  #instances: readonly FleetInstance[] = []

  constructor(options: ResolvedFleetOptions, plan: FleetPlan) {
    this.#options = options
    this.#plan = plan
    this.#collector = new Collector(options.maxStaleMs, options.onProgress)
  }

  async start(): Promise<void> {
    const { instances, faults } = this.#options
    // Each fault waits with it, and none is a leak.
    setMaxListeners(0, this.#abort.signal)
    this.#source = await startRedis()
    this.#cache = await CacheServer.start(instances, faults.includes('failover'))
    this.#instances = this.#plan.clockOffsetsMs.map((_, number) => this.#makeInstance(number))
    const failures = await Promise.all(this.#instances.map((instance) => instance.start()))
    const failure = failures.find((why) => why !== undefined)
    if (failure !== undefined) throw new Error(`the program did not start: ${failure}`)
  }

  async run(): Promise<FleetReport> {
    const { durationMs, seed, maxViolations, deadlineMs } = this.#options
    const startedAt = machineTime()
    for (const instance of this.#instances) instance.go(startedAt)
    const { signal } = this.#abort
    const [faults] = await Promise.all([
      this.#inject(startedAt),
      setTimeout(durationMs, undefined, { signal }),
    ])
    const ranForMs = machineTime() - startedAt
    const closeMs = 2 * deadlineMs + CLOSE_MS
    await Promise.all(this.#instances.map((instance) => instance.stop(closeMs)))
    return {
      seed,
      durationMs: ranForMs,
      instances: this.#collector.instances(),
      calls: this.#collector.calls(),
      history: checkHistory(this.#collector.history, { maxViolations }),
      faults,
      problems: this.#collector.problems,
    }
  }

  /** Leaves nothing behind. */
  async end(): Promise<void> {
    this.#abort.abort()
    await Promise.all(this.#instances.map((instance) => instance.abandon()))
    await Promise.all([this.#cache?.stop(), this.#source?.stop()])
  }

  async #inject(startedAt: number): Promise<InjectedFault[]> {
    try {
      return await injectFaults(this.#plan.faults, {
        cache: this.#cache as CacheServer,
        instances: this.#instances,
        startedAt,
        signal: this.#abort.signal,
        onProgress: this.#options.onProgress,
      })
    } catch (error) {
      // The other faults, and the run, must not go on.
      this.#abort.abort()
      throw error
    }
  }

  #makeInstance(number: number): FleetInstance {
    const { program, settings, seed, instances, callers, keys, mix } = this.#options
    const { maxPauseMs, maxStaleMs, deadlineMs } = this.#options
    const proxy = (this.#cache as CacheServer).proxies[number]
    const config = {
      program,
      settings,
      seed,
      instances,
      callers,
      keys,
      mix,
      maxPauseMs,
      maxStaleMs,
      deadlineMs,
      instance: number,
      windows: this.#plan.windows,
      clockOffsetMs: this.#plan.clockOffsetsMs[number] ?? 0,
      cacheUrl: `redis://${proxy?.host}:${proxy?.port}`,
      source: (this.#source as RedisServer).unixSocket,
    }
    return new FleetInstance(config, this.#collector)
  }
}
