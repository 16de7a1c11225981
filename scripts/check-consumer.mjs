// Packs every package, installs the tarballs in a project outside the workspace, and uses them there as a user would:
// from an ES module, from CommonJS, and from TypeScript.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { succeeds } from './step.mjs'

export function checkConsumer(root) {
  const tarballs = join(root, '.cache', 'tarballs')
  rmSync(tarballs, { recursive: true, force: true })
  mkdirSync(tarballs, { recursive: true })
  for (const folder of readdirSync(join(root, 'packages'))) {
    const cwd = join(root, 'packages', folder)
    if (!succeeds('pnpm', ['pack', '--pack-destination', tarballs], { cwd })) return false
  }
  const project = mkdtempSync(join(tmpdir(), 'hitbox-consumer-'))
  try {
    cpSync(join(root, 'test', 'consumer'), project, { recursive: true })
    const files = readdirSync(tarballs).map((file) => join(tarballs, file))
    const install = [
      'install',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      '--no-package-lock',
      '--prefer-offline',
    ]
    return (
      succeeds('npm', [...install, ...files], { cwd: project }) &&
      succeeds('node', ['use.mjs'], { cwd: project }) &&
      succeeds('node', ['use.cjs'], { cwd: project }) &&
      succeeds(join(project, 'node_modules', '.bin', 'tsc'), ['-p', '.'], { cwd: project })
    )
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}
