import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { defineConfig } from 'vitest/config'

const packages = join(import.meta.dirname, 'packages')
const folders = [
  ...readdirSync(packages).map((name) => join(packages, name)),
  join(import.meta.dirname, 'coherence'),
  join(import.meta.dirname, 'bench'),
]
const conditions = ['@hitbox/source']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions: [...conditions, 'node', 'import', 'default'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // Bounds of time are asserted by the tests that are about them; this one is for a machine that is busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    restoreMocks: true,
    unstubGlobals: true,
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
    projects: folders.map((root) => ({
      extends: true as const,
      test: { name: basename(root), root },
    })),
  },
})
