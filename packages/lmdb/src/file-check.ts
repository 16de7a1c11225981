import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** What a file says of itself, as far as it must be right before LMDB may map it. */
export interface FileFacts {
  readonly fileBytes: number
  /** How long the file is when none of its pages is missing. */
  readonly fullBytes: number
}

/**
 * Two meta pages begin a file; the one of the later transaction counts. Offsets within such a page, 64 bit, little endian, of the
 * data format that the `lmdb` package of this version writes.
 */
const FLAGS_AT = 18
const MAGIC_AT = 24
const VERSION_AT = 28
const PAGE_SIZE_AT = 48
const ROOTS_AT = [88, 136]
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152
const META_BYTES = 160

const META_FLAG = 8
const MAGIC = 0xbeefc0de
const FORMAT_VERSION = 2
const NO_ROOT = 0xffff_ffff_ffff_ffffn

/**
 * Looks whether LMDB may open a file: it maps what it finds, and a file that is not whole can end the process.
 *
 * @returns `undefined` for a file that is not there yet, or why it cannot be used.
 */
export function checkFile(path: string): FileFacts | string | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return checkOpenFile(file)
  } finally {
    closeSync(file)
  }
}

function checkOpenFile(file: number): FileFacts | string | undefined {
  if (fstatSync(file).size === 0) return undefined
  const first = readMeta(file, 0)
  if (first === undefined) return 'it is cut short'
  if (first.readUInt32LE(MAGIC_AT) !== MAGIC || (first.readUInt16LE(FLAGS_AT) & META_FLAG) === 0) {
    return 'it is not an LMDB file'
  }
  if (first.readUInt16LE(VERSION_AT) !== FORMAT_VERSION) {
    return `it is of LMDB data format ${first.readUInt16LE(VERSION_AT)}, not ${FORMAT_VERSION}`
  }
  const pageSize = first.readUInt32LE(PAGE_SIZE_AT)
  if (pageSize < 256 || pageSize > 65_536 || !Number.isInteger(Math.log2(pageSize))) {
    return 'its header is damaged'
  }
  const second = readMeta(file, pageSize)
  if (second === undefined) return 'it is cut short'
  if (second.readUInt32LE(MAGIC_AT) !== MAGIC) return 'its header is damaged'
  const isFirst = first.readBigUInt64LE(TRANSACTION_AT) >= second.readBigUInt64LE(TRANSACTION_AT)
  const latest = isFirst ? first : second
  // Asked after the header was read: a process that writes lengthens the file first, and then the header tells of it.
  const fileBytes = fstatSync(file).size
  for (const at of ROOTS_AT) {
    const root = latest.readBigUInt64LE(at)
    if (root !== NO_ROOT && (root + 1n) * BigInt(pageSize) > BigInt(fileBytes)) {
      return 'it is cut short'
    }
  }
  const fullBytes = (Number(latest.readBigUInt64LE(LAST_PAGE_AT)) + 1) * pageSize
  return Number.isSafeInteger(fullBytes) ? { fileBytes, fullBytes } : 'its header is damaged'
}

function readMeta(file: number, at: number): Buffer | undefined {
  const bytes = Buffer.alloc(META_BYTES)
  return readSync(file, bytes, 0, META_BYTES, at) === META_BYTES ? bytes : undefined
}
