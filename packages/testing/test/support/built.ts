import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** Builds the package, and gives the path of what a child process can import without a loader. */
export async function built(): Promise<string> {
  const own = join(import.meta.dirname, '../..')
  const tsc = join(own, '../../node_modules/.bin/tsc')
  await promisify(execFile)(tsc, ['-b', join(own, 'tsconfig.src.json')])
  return join(own, 'dist/index.js')
}
