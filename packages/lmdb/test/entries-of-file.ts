import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Database, open } from 'lmdb'

export interface EntriesOfFile {
  readonly table: Database<Buffer, Uint8Array>
  count(): number
  close(): Promise<void>
}

/** What lies in the file of a store, past every backend. */
export function openEntries(directory: string): EntriesOfFile {
  const name = readdirSync(directory).find((file) => file.endsWith('.mdb')) as string
  const bytes = { encoding: 'binary', keyEncoding: 'binary' } as const
  const path = join(directory, name)
  const root = open<Buffer, Uint8Array>({ ...bytes, path, noSubdir: true, maxDbs: 4, noSync: true })
  const table = root.openDB('entries', bytes)
  return {
    table,
    count: () => {
      root.resetReadTxn()
      return table.getCount()
    },
    close: () => root.close(),
  }
}
