import { basename, join } from 'node:path'
import { build } from 'vite'

/**
 * Makes JavaScript of one program of the folder `coherence`, whatever state its neighbours are in. It is put below that
 * folder, so that Node finds what the program imports.
 *
 * @param name - Of the file, without its ending.
 * @returns the path of what Node can run.
 */
export async function bundledProgram(name: string): Promise<string> {
  const root = join(import.meta.dirname, '../../../../coherence')
  const outDir = join(root, 'node_modules/.cache/programs')
  const file = `${basename(name)}.mjs`
  await build({
    configFile: false,
    logLevel: 'silent',
    root,
    ssr: { external: true },
    build: {
      ssr: join(root, 'src/programs', `${name}.ts`),
      outDir,
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: file } },
    },
  })
  return join(outDir, file)
}
