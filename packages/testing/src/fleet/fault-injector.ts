import { setTimeout } from 'node:timers/promises'
import { milliseconds } from '@hitbox/core'
import { machineTime } from '../history/machine-time.ts'
import type { Fault } from '../proxy/fault.ts'
import type { CacheServer } from './cache-server.ts'
import type { FleetFault } from './fleet-fault.ts'
import type { FleetInstance } from './fleet-instance.ts'

/** A fault as it was done. Times are ms since the start of the run. */
export interface InjectedFault extends FleetFault {
  readonly startedAt: number
  readonly endedAt: number
  /** Why it could not be done. */
  readonly skipped?: string
}

/** What faults are done to. */
export interface FaultPlace {
  readonly cache: CacheServer
  readonly instances: readonly FleetInstance[]
  /** When the run began, in machine time. */
  readonly startedAt: number
  /** Ends all waits. */
  readonly signal: AbortSignal
  readonly onProgress: (line: string) => void
}

/** Does what is planned, each at its time, and resolves when all is healed; rejects when one cannot be done or healed. */
export async function injectFaults(
  faults: readonly FleetFault[],
  place: FaultPlace,
): Promise<InjectedFault[]> {
  const { startedAt, signal, onProgress } = place
  const elapsed = (): number => Math.round(machineTime() - startedAt)
  const inject = async (fault: FleetFault): Promise<InjectedFault> => {
    await setTimeout(Math.max(0, fault.at - elapsed()), undefined, { signal })
    const began = elapsed()
    onProgress(describeFault(fault))
    const skipped = await perform(fault, place)
    const done = { ...fault, startedAt: began, endedAt: elapsed() }
    return skipped === undefined ? done : { ...done, skipped }
  }
  return Promise.all(faults.map(inject))
}

/** In one line, such as `at 1200 ms for 300 ms: kill-redis`. */
export function describeFault({ name, at, forMs, ...details }: FleetFault): string {
  const more = Object.entries(details).map(([what, value]) => ` ${what}=${value}`)
  return `at ${at} ms for ${forMs} ms: ${name}${more.join('')}`
}

/** @returns why it could not be done. */
async function perform(fault: FleetFault, place: FaultPlace): Promise<string | undefined> {
  switch (fault.name) {
    case 'kill-connection':
      return onProxy(fault, place, 'reset')
    case 'stall-to-client':
      return onProxy(fault, place, { stall: 'to-client' })
    case 'stall-to-server':
      return onProxy(fault, place, { stall: 'to-server' })
    case 'black-hole':
      return onProxy(fault, place, 'black-hole')
    case 'jitter':
      return onProxy(fault, place, { jitter: milliseconds(fault.jitterMs ?? 1) })
    case 'cut-after-bytes':
      return onProxy(fault, place, { cutAfter: fault.bytes ?? 0 })
    case 'stop-instance':
    case 'block-loop':
    case 'kill-instance':
    case 'hang-loader':
      return onInstance(fault, place)
    case 'kill-redis':
    case 'restart-from-snapshot':
    case 'failover':
      return onCache(fault, place)
    case 'jump-clock':
      return undefined // The instances were told when they started.
    default:
      throw new Error(`no such fault: ${String(fault.name satisfies never)}`)
  }
}

async function onProxy(
  { instance = 0, forMs }: FleetFault,
  { cache, signal }: FaultPlace,
  fault: Fault,
): Promise<undefined> {
  const proxy = cache.proxies[instance]
  await proxy?.set(fault)
  await setTimeout(forMs, undefined, { signal })
  await proxy?.set('pass')
}

async function onInstance(fault: FleetFault, place: FaultPlace): Promise<string | undefined> {
  const { name, forMs, loads = 1, forever } = fault
  const instance = place.instances[fault.instance ?? 0]
  if (instance === undefined) return 'there is no such instance'
  // On a busy machine one that was killed may take longer to come back than was planned.
  if (!instance.isUp) return 'the instance was not up'
  const wait = (): Promise<void> => setTimeout(forMs, undefined, { signal: place.signal })
  if (name === 'stop-instance') {
    instance.signal('SIGSTOP')
    await wait()
    instance.signal('SIGCONT')
  } else if (name === 'kill-instance') {
    await instance.kill()
    await wait()
    await instance.revive()
  } else if (name === 'block-loop') {
    instance.tell({ type: 'block-loop', forMs })
    await wait()
  } else {
    const hang = { type: 'hang-loader', loads } as const
    instance.tell(forever === true ? hang : { ...hang, forMs })
    await wait()
  }
  return undefined
}

async function onCache(fault: FleetFault, place: FaultPlace): Promise<string | undefined> {
  const { name, forMs, lagMs = 0 } = fault
  const { cache, signal } = place
  const wait = (ms: number): Promise<void> => setTimeout(ms, undefined, { signal })
  if (name === 'failover') {
    if (!(await cache.holdReplica())) return 'the replica was not in step'
    await wait(lagMs)
    await cache.failOver(forMs)
  } else if (name === 'restart-from-snapshot') {
    await cache.takeSnapshot()
    await wait(lagMs)
    await cache.kill()
    await wait(forMs)
    await cache.restartFromSnapshot()
  } else {
    await cache.kill()
    await wait(forMs)
    await cache.restart()
  }
  return undefined
}
