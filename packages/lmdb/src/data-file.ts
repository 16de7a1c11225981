import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Commits do not wait for the disk, so after a crash of the machine a file may hold a commit without all of its pages, and LMDB
 * believes its file. Each boot of the machine therefore has a file of its own; the next boot takes over the last one only when it
 * was left with everything on disk, which a mark beside it says.
 */
export interface DataFile {
  readonly path: string
  /** Whether commits may leave the disk to the kernel; where the boot cannot be told, each one has to be flushed. */
  readonly lazySync: boolean
}

/**
 * Counts the ways in which processes take turns on a file, which change with the driver: two that differ must not meet on one file,
 * since the driver ends the process that finds another's lock. To be raised with a driver whose `MDB_LOCK_FORMAT` is another.
 */
const LAYOUT = 'hitbox1'
const NAME = /^hitbox\d+-[0-9a-f]{16}\.mdb$/

/** Finds, takes over or names the data file in `directory`, and removes those that cannot be trusted any more. */
export function dataFileIn(directory: string): DataFile {
  const boot = bootId()
  if (boot === undefined) return { path: join(directory, `${LAYOUT}.mdb`), lazySync: false }
  const path = join(directory, `${LAYOUT}-${boot}.mdb`)
  for (const name of readdirSync(directory)) {
    if (!NAME.test(name) || name.endsWith(`-${boot}.mdb`)) continue
    const old = join(directory, name)
    if (name.startsWith(`${LAYOUT}-`) && existsSync(markOf(old))) takeOver(old, path)
    for (const file of [markOf(old), old, `${old}-lock`]) rmSync(file, { force: true })
  }
  return { path, lazySync: true }
}

/** Says that all of the file is on disk. Only for who holds the write lock. */
export function markClean(path: string): void {
  flush(path, 'r+')
  writeFileSync(markOf(path), '')
  flush(markOf(path), 'r+')
}

/** Takes the mark back, before a commit that breaks its word. Only for who holds the write lock. */
export function unmarkClean(path: string): void {
  if (!existsSync(markOf(path))) return
  rmSync(markOf(path), { force: true })
  flush(join(path, '..'), 'r')
}

function markOf(path: string): string {
  return `${path}-clean`
}

/** A link, since it fails where a rename would replace: another process may have done the same, and be writing already. */
function takeOver(old: string, path: string): void {
  try {
    linkSync(old, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error
  }
}

function flush(path: string, flags: 'r' | 'r+'): void {
  const file = openSync(path, flags)
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function bootId(): string | undefined {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll('-', '')
    return /^[0-9a-f]{32}\s*$/.test(id) ? id.slice(0, 16) : undefined
  } catch {
    return undefined // not Linux, or hidden from us
  }
}
