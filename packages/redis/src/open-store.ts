import { ClusterTopology } from './cluster/cluster-topology.ts'
import { dial } from './dial.ts'
import { asideSettings, Link, type LinkSettings } from './link.ts'
import { OneLine } from './one-line.ts'
import type { Resolved } from './options.ts'
import { SentinelLine } from './sentinel/sentinel-line.ts'
import { RedisStore } from './store.ts'
import type { Topology } from './topology.ts'
import { UserLine } from './user-line.ts'

/** The store that options describe. */
export function storeOf(resolved: Resolved): RedisStore {
  return new RedisStore({ ...resolved, topology: topologyOf(resolved) })
}

function topologyOf({ plan, access, sentinelAccess, settings }: Resolved): Topology {
  switch (plan.mode) {
    case 'single': {
      const { endpoint } = plan.target
      const link = (own: LinkSettings): Link => {
        const { clock, sessions } = own
        const terms = { clock, sessions, clustered: false }
        return new Link((call) => dial(endpoint, access, clock, call, terms), own)
      }
      return new OneLine(link(settings), () => link(asideSettings(settings)))
    }
    case 'cluster':
      return new ClusterTopology(plan.cluster, access, settings)
    case 'sentinel': {
      const line = (own: LinkSettings): SentinelLine =>
        new SentinelLine(plan.sentinel, sentinelAccess, access, own)
      return new OneLine(line(settings), () => line(asideSettings(settings)))
    }
    case 'client':
      return new OneLine(new UserLine(plan.client, settings))
    default:
      return plan satisfies never
  }
}
