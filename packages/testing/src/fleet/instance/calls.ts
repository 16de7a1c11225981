import { machineTime } from '../../history/machine-time.ts'
import type { FleetCall } from '../messages.ts'
import type { Outbox } from './outbox.ts'
import type { OwnTime } from './own-time.ts'
import type { Patience } from './patience.ts'

/** Makes one call of the program, throwing or not, and waits for it as long as it may take. */
export type Settle = <T>(call: () => Promise<T>) => Promise<T>

/** Makes calls, and reports how they ended and how long they took. */
export class Calls {
  readonly #time: OwnTime
  readonly #patience: Patience
  readonly #outbox: Outbox
  readonly #deadlineMs: number

  constructor(time: OwnTime, patience: Patience, outbox: Outbox, deadlineMs: number) {
    this.#time = time
    this.#patience = patience
    this.#outbox = outbox
    this.#deadlineMs = deadlineMs
  }

  /** Never rejects. */
  async make(name: FleetCall, run: (settle: Settle) => Promise<unknown>): Promise<void> {
    const began = machineTime()
    const ownBegan = this.#time.now()
    let code = ''
    try {
      await run((call) => this.#patience.wait(call()))
    } catch (error) {
      code = codeOf(error)
    }
    const ownMs = this.#time.now() - ownBegan
    if (code === '' && ownMs > this.#deadlineMs) code = 'LATE'
    this.#outbox.call([name, code, ownMs, machineTime() - began])
  }
}

function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  return typeof name === 'string' && name !== '' ? name : 'ERROR'
}
