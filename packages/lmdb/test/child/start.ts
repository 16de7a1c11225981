import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'vite'

const packageFolder = join(import.meta.dirname, '..', '..')
const outDir = join(packageFolder, 'node_modules', '.cache', 'child')

/** Makes one JavaScript file of the child program, so that plain Node can run it without a build of the packages. */
export async function bundleProgram(): Promise<string> {
  mkdirSync(outDir, { recursive: true })
  await build({
    configFile: false,
    logLevel: 'silent',
    root: packageFolder,
    resolve: { conditions: ['@hitbox/source'] },
    ssr: {
      noExternal: true,
      external: ['lmdb'],
      resolve: { conditions: ['@hitbox/source', 'node', 'import', 'default'] },
    },
    build: {
      ssr: join(import.meta.dirname, 'program.ts'),
      outDir,
      target: 'node20',
      minify: false,
      rollupOptions: { output: { entryFileNames: 'program.mjs' } },
    },
  })
  return join(outDir, 'program.mjs')
}

export interface Child {
  readonly process: ChildProcess
  /** All lines so far. */
  readonly lines: string[]
  /** The next line that no one has taken yet. */
  nextLine(): Promise<string>
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>
}

/** What a child is held to. */
export interface ChildLimits {
  readonly uid?: number
  readonly gid?: number
  /** Longest file that it may write, in blocks of 512 bytes: a disk that is full, for it alone. */
  readonly limitBlocks?: number
}

export function startProgram(
  program: string,
  task: string,
  options: object,
  { limitBlocks, ...user }: ChildLimits = {},
): Child {
  const command = [process.execPath, program, task, JSON.stringify(options)]
  const limited = ['sh', '-c', `ulimit -f ${limitBlocks} && exec "$@"`, 'sh', ...command]
  const [file = '', ...args] = limitBlocks === undefined ? command : limited
  const child = spawn(file, args, { ...user, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let taken = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    const next = waiting.shift()
    if (next === undefined) return
    taken += 1
    next(line)
  })
  return {
    process: child,
    lines,
    nextLine: () =>
      new Promise((resolve) => {
        const line = lines[taken]
        if (line === undefined) {
          waiting.push(resolve)
          return
        }
        taken += 1
        resolve(line)
      }),
    ended: new Promise((resolve) => {
      child.once('close', (code, signal) => resolve(signal ?? code))
    }),
  }
}
