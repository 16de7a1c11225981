import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from 'vite'
import { beforeAll, describe, expect, it } from 'vitest'
import type { EvictionPolicy } from '../src/index.ts'

const packageFolder = join(import.meta.dirname, '..')
const outDir = join(packageFolder, 'node_modules', '.cache', 'child')

function bytesPer(call: 'object' | 'get' | 'hit' | 'peek', policy = 's3-fifo'): number {
  // With a compiler that works at once, rather than beside us: what it makes of the code does not depend on who else is busy.
  const flags = [
    '--expose-gc',
    '--max-semi-space-size=128',
    '--min-semi-space-size=128',
    '--single-threaded',
  ]
  return Number(
    execFileSync(process.execPath, [...flags, join(outDir, 'bytes-per-call.mjs'), call, policy]),
  )
}

/** Of several runs: on a busy machine the compiler may be done with the code only after it was measured. */
function leastBytesPer(call: 'get' | 'hit' | 'peek', policy?: EvictionPolicy): number {
  return Math.min(...Array.from({ length: 5 }, () => bytesPer(call, policy)))
}

describe('memoryBackend, on plain Node', () => {
  beforeAll(async () => {
    await build({
      configFile: false,
      logLevel: 'silent',
      root: packageFolder,
      resolve: { conditions: ['@hitbox/source'] },
      ssr: {
        noExternal: true,
        resolve: { conditions: ['@hitbox/source', 'node', 'import', 'default'] },
      },
      build: {
        ssr: join(import.meta.dirname, 'child', 'bytes-per-call.ts'),
        outDir,
        target: 'node20',
        minify: false,
        rollupOptions: { output: { entryFileNames: 'bytes-per-call.mjs' } },
      },
    })
  }, 60_000)

  it('sees an object per call, so that what follows means something', () => {
    expect(bytesPer('object')).toBeGreaterThan(24)
  })

  // The smallest object takes 24 bytes. A number takes 16, and the clock gives one where the compiler does not see into it.
  it.each(['lru', 'sieve', 's3-fifo'] as const)(
    'makes no object on a hit with %s: no promise, no closure, no event',
    (policy) => {
      expect(leastBytesPer('get', policy)).toBeLessThan(20)
    },
  )

  it('makes no object on a hit that is there at once', () => {
    expect(leastBytesPer('hit')).toBeLessThan(20)
  })

  it('makes no object on a peek', () => {
    expect(leastBytesPer('peek')).toBeLessThan(20)
  })
})
