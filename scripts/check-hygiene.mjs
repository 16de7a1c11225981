// Things that must never be committed: hosts of package registries, paths of one machine, build output.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FORBIDDEN = [
  [
    /\b(?:registry|nexus|artifactory|npm)\.[a-z0-9-]+\.[a-z]{2,}/i,
    'the host of a package registry',
  ],
  [/(?<![\w.])\/(?:home|root|Users|work)\/[\w.-]+\//, 'an absolute path of one machine'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[A-Za-z0-9+/]{40}/, 'a private key'],
]
const OUTPUT = /(?:^|\/)(?:dist|coverage|node_modules|\.turbo|\.cache)\/|\.(?:tgz|tsbuildinfo|log)$/

export function checkHygiene(root) {
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0')
  const faults = []
  for (const file of files.filter(Boolean)) {
    if (OUTPUT.test(file)) faults.push(`${file}: build output`)
    if (file === 'scripts/check-hygiene.mjs') continue
    let text
    try {
      text = readFileSync(join(root, file), 'utf8')
    } catch {
      continue // deleted in the working tree
    }
    for (const [pattern, what] of FORBIDDEN) {
      const match = pattern.exec(text)
      if (match) faults.push(`${file}: ${what}: ${match[0].slice(0, 60)}`)
    }
  }
  for (const fault of faults) console.error(fault)
  return faults.length === 0
}
