import type { StoreKey } from '@hitbox/core'
import { fixed } from '../fixed.ts'
import type { Line, Route } from '../line.ts'
import type { Topology } from '../topology.ts'

/** The lines that keys are written on, each with a way to it that also leads on when it is the wrong one by then. */
export function waysTo(topology: Topology, keys: readonly StoreKey[]): Map<Line, Route> {
  const routes = keys.map((key) => topology.primary(key))
  return new Map(routes.map((route) => [route.line(), route]))
}

/** The ways to all lines: the only one, connected or not, or those that are known to be. */
export function waysOf(topology: Topology, live: readonly Line[]): Map<Line, Route> {
  if (topology.together) return waysTo(topology, [''])
  return new Map(live.map((line) => [line, fixed(line)]))
}
