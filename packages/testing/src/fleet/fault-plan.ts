import type { Random } from '../contract/random.ts'
import type { FleetFault, FleetFaultName } from './fleet-fault.ts'
import { between, randomFor, shuffled } from './seeds.ts'

/** What a fault takes hold of: the same thing is never held by two. */
type Held = 'proxy' | 'process' | 'loader' | 'server'

/** How a fault of one name is drawn. */
interface Kind {
  readonly holds: Held
  /** How long it lasts, in ms. */
  readonly lasts: readonly [least: number, most: number]
  readonly more?: (random: Random) => Partial<FleetFault>
}

const KINDS: Readonly<Record<FleetFaultName, Kind>> = {
  'kill-connection': { holds: 'proxy', lasts: [1, 100] },
  'stall-to-client': { holds: 'proxy', lasts: [200, 4_000] },
  'stall-to-server': { holds: 'proxy', lasts: [200, 4_000] },
  'black-hole': { holds: 'proxy', lasts: [200, 3_000] },
  jitter: {
    holds: 'proxy',
    lasts: [500, 3_000],
    more: (random) => ({ jitterMs: between(random, 5, 60) }),
  },
  'cut-after-bytes': {
    holds: 'proxy',
    lasts: [300, 1_500],
    more: (random) => ({ bytes: between(random, 1, 2_000) }),
  },
  'stop-instance': { holds: 'process', lasts: [300, 5_000] },
  'block-loop': { holds: 'process', lasts: [50, 400] },
  'kill-instance': { holds: 'process', lasts: [200, 1_000] },
  'hang-loader': {
    holds: 'loader',
    lasts: [500, 3_000],
    more: (random) => ({ loads: between(random, 1, 6), forever: random(4) === 0 }),
  },
  'kill-redis': { holds: 'server', lasts: [100, 1_500] },
  'restart-from-snapshot': {
    holds: 'server',
    lasts: [100, 800],
    more: (random) => ({ lagMs: between(random, 300, 1_500) }),
  },
  failover: {
    holds: 'server',
    lasts: [50, 500],
    more: (random) => ({ lagMs: between(random, 200, 1_500) }),
  },
  'jump-clock': { holds: 'process', lasts: [0, 0] },
}

/** Every name there is. */
export const FLEET_FAULTS: readonly FleetFaultName[] = Object.freeze(
  Object.keys(KINDS) as FleetFaultName[],
)

/** What a schedule is drawn for. */
export interface FaultPlanOptions {
  readonly seed: number
  readonly faults: readonly FleetFaultName[]
  readonly instances: number
  /** When all must be healed. */
  readonly healedByMs: number
}

/** Nothing happens before caches have filled a little. */
const WARM_UP_MS = 500
const MOST_AT_ONCE = 3

/**
 * Draws a schedule of faults. Names are dealt like cards, so that all have their turn before any has its second; what would
 * not be over by the end lasts shorter, or is left out.
 */
export function planFaults({
  seed,
  faults,
  instances,
  healedByMs,
}: FaultPlanOptions): FleetFault[] {
  const random = randomFor(seed, 'faults')
  const names = faults.filter((name) => name !== 'jump-clock')
  const planned: (FleetFault & { readonly holds: string; readonly until: number })[] = []
  let deck: FleetFaultName[] = []
  for (let at = WARM_UP_MS; at < healedByMs && names.length > 0; at += between(random, 100, 500)) {
    if (deck.length === 0) deck = shuffled(random, names)
    const name = deck[0] as FleetFaultName
    const fault = drawFault(name, at, random, { instances, healedByMs })
    const active = planned.filter(({ until }) => until > at)
    const isFree = active.every(({ holds }) => holds !== fault.holds)
    if (active.length >= MOST_AT_ONCE || !isFree) continue
    deck.shift()
    if (fault.forMs >= KINDS[name].lasts[0]) planned.push(fault)
  }
  return planned.map(({ holds: _holds, until: _until, ...fault }) => fault)
}

function drawFault(
  name: FleetFaultName,
  at: number,
  random: Random,
  { instances, healedByMs }: { readonly instances: number; readonly healedByMs: number },
): FleetFault & { readonly holds: string; readonly until: number } {
  const { holds, lasts, more } = KINDS[name]
  const details = more?.(random) ?? {}
  const lagMs = details.lagMs ?? 0
  const [least, most] = lasts
  // The square makes short ones frequent, and leaves the long ones possible.
  const drawn = least + Math.round((most - least) * (random(1_000) / 1_000) ** 2)
  const forMs = Math.min(drawn, healedByMs - at - lagMs)
  const instance = random(instances)
  const until = at + lagMs + forMs + RECOVERY_MS[holds]
  if (holds === 'server') return { name, at, forMs, ...details, holds, until }
  return { name, at, forMs, instance, ...details, holds: `${holds} ${instance}`, until }
}

/** How long a thing is left alone after a fault, so that it is up before the next. */
const RECOVERY_MS: Readonly<Record<Held, number>> = {
  proxy: 100,
  process: 300,
  loader: 0,
  server: 1_000,
}

/** An hour at most, in either direction. */
export function planClocks(seed: number, instances: number): number[] {
  const random = randomFor(seed, 'clocks')
  return Array.from({ length: instances }, () => between(random, -3_600_000, 3_600_000))
}
