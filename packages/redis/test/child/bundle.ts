import { join } from 'node:path'
import { build } from 'vite'

const packageFolder = join(import.meta.dirname, '..', '..')
const outDir = join(packageFolder, 'node_modules', '.cache', 'child')

/** Makes one JavaScript file of the child program, so that plain Node can run it without a build of the packages. */
export async function bundleProgram(): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'silent',
    root: packageFolder,
    resolve: { conditions: ['@hitbox/source'] },
    ssr: {
      noExternal: true,
      external: ['@redis/client'],
      resolve: { conditions: ['@hitbox/source', 'node', 'import', 'default'] },
    },
    build: {
      ssr: join(import.meta.dirname, 'exits.ts'),
      outDir,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'exits.mjs' } },
    },
  })
  return join(outDir, 'exits.mjs')
}
