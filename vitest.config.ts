import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const packages = join(import.meta.dirname, 'packages')
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
    projects: readdirSync(packages).map((name) => ({
      extends: true as const,
      test: { name, root: join(packages, name) },
    })),
  },
})
