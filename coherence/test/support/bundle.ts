import { join } from 'node:path'
import { build } from 'vite'

const root = join(import.meta.dirname, '..', '..')
/** Below the packages that the program imports; of each worker its own, as several may build at once. */
const outDir = join(
  root,
  'node_modules',
  '.cache',
  'children',
  process.env['VITEST_POOL_ID'] ?? '0',
)

/** Makes one JavaScript file of a program, so that plain Node can run it without a build of the packages. */
export async function bundled(name: string): Promise<string> {
  const file = `${name}.mjs`
  await build({
    configFile: false,
    logLevel: 'silent',
    root,
    resolve: { conditions: ['@hitbox/source'] },
    ssr: {
      noExternal: true,
      external: ['@redis/client'],
      resolve: { conditions: ['@hitbox/source', 'node', 'import', 'default'] },
    },
    build: {
      ssr: join(root, 'src', 'programs', `${name}.ts`),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: file } },
    },
  })
  return join(outDir, file)
}
