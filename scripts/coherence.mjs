// Judges the coherence of caches in several processes under faults, on each server that can be had:
//   npm run coherence -- [--duration 60s] [--cluster 20s] [--bite 10s] [--seed N] [--instances 4] [--faults a,b] [--only-installed]
// Ends with an exit code of 1 when there was a violation, or when the judge did not notice a mechanism that was left out.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { describeFinding, judge } from '../coherence/dist/judge.js'
import { findNewerServers } from './newer-servers.mjs'
import { cache, root } from './step.mjs'

const { values } = parseArgs({
  options: {
    duration: { type: 'string', default: '60s' },
    cluster: { type: 'string', default: '20s' },
    bite: { type: 'string', default: '10s' },
    seed: { type: 'string' },
    instances: { type: 'string' },
    faults: { type: 'string' },
    'only-installed': { type: 'boolean', default: false },
  },
})
const newer = values['only-installed'] ? [] : await findNewerServers(root)
const servers = [{ name: 'redis-server', program: undefined }, ...newer]
const results = []
for (const { name, program } of servers) {
  if (program !== undefined) process.env.HITBOX_REDIS_SERVER = program
  console.log(`on ${name}`)
  const findings = await judge({
    duration: values.duration,
    cluster: values.cluster,
    bite: values.bite,
    seed: values.seed === undefined ? undefined : Number(values.seed),
    instances: values.instances === undefined ? undefined : Number(values.instances),
    faults: values.faults?.split(',').filter((fault) => fault !== ''),
    onFinding: (finding) => console.log(describeFinding(finding)),
  })
  for (const finding of findings) results.push({ server: name, ...finding })
}
mkdirSync(cache, { recursive: true })
writeFileSync(join(cache, 'coherence.json'), JSON.stringify(results, undefined, 2))
const failed = results.filter(({ passed }) => !passed).length
console.log(`${results.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
