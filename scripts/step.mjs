// Runs named steps one after the other, shows what failed, and counts.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')
export const cache = join(root, '.cache')

/** @returns whether `command` succeeded; its output is shown only when it did not. */
export function succeeds(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1' },
    ...options,
  })
  if (status === 0) return true
  console.error(error?.message ?? `${stdout}${stderr}`)
  return false
}

/** Runs `steps` (name to function returning whether it went well), writes the counts, and sets the exit code. */
export async function runSteps(steps, resultsFile) {
  let failed = 0
  for (const [name, step] of Object.entries(steps)) {
    const begun = performance.now()
    const ok = await step()
    if (!ok) failed += 1
    console.log(
      `${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`,
    )
  }
  mkdirSync(cache, { recursive: true })
  const passed = Object.keys(steps).length - failed
  writeFileSync(join(cache, resultsFile), JSON.stringify({ passed, failed }))
  process.exitCode = failed === 0 ? 0 : 1
}
