import {
  describeFleet,
  type FleetOptions,
  type FleetReport,
  runFleet,
  startRedisCluster,
} from '@hitbox/testing'
import { troubleCluster, type Troubles } from './cluster-trouble.ts'
import type { HitboxSettings } from './programs/hitbox-program.ts'

/** A run of several processes and what is expected of it. */
interface Trial {
  readonly name: string
  readonly program: 'hitbox' | 'pubsub'
  readonly settings?: HitboxSettings
  readonly faults?: FleetOptions['faults']
}

/** How the judge was found to be, or what it found. */
export interface Finding {
  readonly name: string
  readonly passed: boolean
  readonly report: FleetReport
  /** What was done to the servers beside the faults of the report. */
  readonly troubles?: Troubles | undefined
}

/** What {@link judge} runs. */
export interface JudgeOptions {
  /** Of the run that must be without violations. */
  readonly duration: FleetOptions['duration']
  /** Of the run on a cluster of six, of which slots are moved and a primary is killed; it must be without violations too. */
  readonly cluster: `${number}s`
  /** Of each run that must not be; repeated with other seeds until there is a violation. */
  readonly bite: FleetOptions['duration']
  readonly seed?: number | undefined
  readonly instances?: number | undefined
  readonly faults?: FleetOptions['faults']
  /** Told of each finding when it is there. */
  readonly onFinding: (finding: Finding) => void
}

/** What is believed only because it was seen to be missed. */
const BITES: readonly Trial[] = [
  { name: 'delete and publish, as it is commonly built', program: 'pubsub', faults: [] },
  {
    name: 'without the registry of fills in flight',
    program: 'hitbox',
    settings: { without: ['registry'] },
    faults: ['jitter', 'block-loop', 'hang-loader'],
  },
  {
    name: 'without leases',
    program: 'hitbox',
    settings: { without: ['lease'] },
    faults: ['jitter', 'block-loop', 'hang-loader'],
  },
  {
    name: 'without the fence',
    program: 'hitbox',
    settings: { without: ['fence'] },
    faults: ['stall-to-client', 'stop-instance', 'block-loop', 'jitter'],
  },
  {
    name: 'without the epoch',
    program: 'hitbox',
    settings: { without: ['epoch'] },
    faults: ['restart-from-snapshot', 'failover'],
  },
]

/** Violations are rare events: with one seed or the other they show. */
const MOST_TRIES = 6

/** Judges the cache under all faults, and then the judge: each mechanism, left out, must be missed. */
export async function judge(options: JudgeOptions): Promise<readonly Finding[]> {
  const { duration, bite, seed, instances, faults, onFinding } = options
  const findings: Finding[] = []
  const found = (finding: Finding): void => {
    findings.push(finding)
    onFinding(finding)
  }
  const whole = { program: programOf('hitbox'), settings: {}, duration, seed, instances, faults }
  const report = await runFleet(whole)
  found({ name: 'the whole protocol', passed: isClean(report), report })
  found(await onCluster(options))
  for (const trial of BITES) found(await missed(trial, { duration: bite, instances }))
  return findings
}

/** A finding as text for people. */
export function describeFinding({ name, passed, report, troubles = [] }: Finding): string {
  const told = [describeFleet(report), ...troubles].join('\n')
  return `${passed ? 'ok    ' : 'FAILED'} ${name}\n${told.replaceAll(/^/gm, '       ')}`
}

async function onCluster({ cluster: duration, seed, instances }: JudgeOptions): Promise<Finding> {
  await using nodes = await startRedisCluster({ primaries: 3, replicas: 1 })
  const settings: HitboxSettings = { cluster: nodes.nodes.map(({ url }) => url) }
  // The servers' troubles are made here; those of processes and loaders by the fleet.
  const faults: FleetOptions['faults'] = [
    'stop-instance',
    'block-loop',
    'kill-instance',
    'hang-loader',
  ]
  const fleet = { program: programOf('hitbox'), settings, duration, seed, instances, faults }
  const [report, troubles] = await Promise.all([
    runFleet(fleet),
    troubleCluster(nodes, Number.parseFloat(duration) * 1_000, (below) =>
      Math.floor(Math.random() * below),
    ),
  ])
  return { name: 'a cluster of six', passed: isClean(report), report, troubles }
}

async function missed(
  { name, program, settings = {}, faults }: Trial,
  options: Pick<FleetOptions, 'duration' | 'instances'>,
): Promise<Finding> {
  for (let tries = 1; ; tries += 1) {
    const report = await runFleet({ ...options, program: programOf(program), settings, faults })
    const { strong, bounded } = report.history.violated
    const passed = strong + bounded > 0
    if (passed || tries === MOST_TRIES) return { name, passed, report }
  }
}

function isClean({ history, problems }: FleetReport): boolean {
  const { strong, bounded } = history.violated
  return strong === 0 && bounded === 0 && problems.length === 0
}

function programOf(name: Trial['program']): URL {
  return new URL(`./programs/${name}-program.js`, import.meta.url)
}
