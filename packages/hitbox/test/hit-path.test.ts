import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'
import type { HitPath, Kind } from './child/hit-path.ts'

const packageFolder = join(import.meta.dirname, '..')
const outDir = join(packageFolder, 'node_modules', '.cache', 'hit-path')

/** Measured by plain Node, where the collector has little to do and a round is short. */
async function measured(kind: Kind): Promise<HitPath> {
  const flags = [
    '--expose-gc',
    // A young generation that holds all that a round could allocate: nothing is collected while it is measured.
    '--max-semi-space-size=128',
    '--min-semi-space-size=128',
    // A compiler that works at once, rather than beside us: what it makes of the code does not depend on who else is busy.
    '--single-threaded',
  ]
  const args = [...flags, join(outDir, 'hit-path.mjs'), kind]
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 55_000 })
  return JSON.parse(stdout) as HitPath
}

describe('a fresh hit in memory', () => {
  beforeAll(async () => {
    await build({
      configFile: false,
      logLevel: 'silent',
      root: packageFolder,
      resolve: { conditions: ['@hitbox/source'] },
      ssr: {
        noExternal: true,
        external: ['vitest'],
        resolve: { conditions: ['@hitbox/source', 'node', 'import', 'default'] },
      },
      build: {
        ssr: join(import.meta.dirname, 'child', 'hit-path.ts'),
        outDir,
        target: 'node20',
        minify: false,
        rollupOptions: {
          // Leaves out what only runs under vitest of the support that the child takes a tier from.
          treeshake: { moduleSideEffects: false },
          output: { entryFileNames: 'hit-path.mjs' },
        },
      },
    })
  }, 60_000)

  it.each([
    ['memory alone', 'alone'],
    ['memory over another tier', 'over-another'],
    ['memory over a tier that others share', 'over-shared'],
  ] as const)('allocates its promise and next to nothing else: %s', async (_, kind) => {
    const bytes = await measured(kind)
    // Moments are boxed where code is not compiled to the full, 16 bytes each: a handful per call.
    const boxed = 10 * 16
    const most = bytes.promise + boxed
    expect(bytes.getOrLoad).toBeLessThan(most)
    expect(bytes.get).toBeLessThan(most)
    expect(bytes.peek).toBeLessThan(boxed)
    expect(bytes.getOrLoadWithOptions).toBeLessThan(most)
    expect(bytes.hits).toBe(bytes.calls)
    expect(bytes.calls).toBe(bytes.measured + bytes.probes)
    expect(bytes.measured).toBe(600_000)
    // What it would be with a request and its states: the bounds above tell the two apart.
    expect(bytes.getOrLoadWithSignal).toBeGreaterThan(4 * most)
  })
})
