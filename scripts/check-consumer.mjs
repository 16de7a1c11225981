// Packs every package, installs the tarballs in a project outside the workspace, and uses them there as a user would:
// from an ES module, from CommonJS, and from TypeScript.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { succeeds } from './step.mjs'

/** The declarations must compile with each, libraries checked too. */
const COMPILERS = ['typescript', 'typescript-6', 'typescript-5']

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
    const install = ['install', '--no-audit', '--no-fund', '--loglevel=error', '--no-package-lock']
    return (
      succeeds('npm', [...install, '--prefer-offline', ...files], { cwd: project }) &&
      succeeds('node', ['use.mjs'], { cwd: project }) &&
      succeeds('node', ['use.cjs'], { cwd: project }) &&
      COMPILERS.every((compiler) => {
        const tsc = join('node_modules', compiler, 'bin', 'tsc')
        return succeeds('node', [tsc, '-p', '.'], { cwd: project })
      })
    )
  } finally {
    rmSync(project, { recursive: true, force: true })
  }
}
