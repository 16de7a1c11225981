import { machineTime } from '../../history/machine-time.ts'
import type { InstanceConfig } from '../messages.ts'
import { keyAt } from '../program.ts'
import { ownerOf, sharedKeys } from '../workload.ts'

/** Which keys an instance may read and write at the moment. */
export class KeySpace {
  readonly #config: InstanceConfig
  readonly #startedAt: number

  constructor(config: InstanceConfig, startedAt: number) {
    this.#config = config
    this.#startedAt = startedAt
  }

  /** Different ones, in the order of the picks. */
  readable(picks: readonly number[]): string[] {
    return [...new Set(picks.map((pick) => keyAt(pick % this.#config.keys)))]
  }

  /** Those that everybody writes now. */
  shared(): string[] {
    const count = sharedKeys(this.#config.keys)
    return this.#written()
      .filter((index) => index < count)
      .map(keyAt)
  }

  /** Those that this instance alone writes, and does now. */
  owned(): string[] {
    const { keys, instance, instances } = this.#config
    return this.#written()
      .filter((index) => index >= sharedKeys(keys) && ownerOf(index, instances) === instance)
      .map(keyAt)
  }

  #written(): readonly number[] {
    const elapsedMs = machineTime() - this.#startedAt
    return this.#config.windows.findLast(({ fromMs }) => fromMs <= elapsedMs)?.keys ?? []
  }
}
