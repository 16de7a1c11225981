import * as lmdb from 'lmdb'
import type { Table } from './environment.ts'

/** A transaction as the driver makes it; it tells no one of the address. */
interface NativeTransaction extends lmdb.Transaction {
  readonly address: number
}

/** The driver's own signature; its types know no options. */
interface ReadIn {
  getBinary(
    key: Uint8Array,
    options: { readonly transaction: lmdb.Transaction },
  ): Buffer | undefined
}

// Exported by the driver and left out of its types. The driver is pinned to one version.
const { nativeAddon } = lmdb as unknown as {
  readonly nativeAddon: { resetTxn(address: number): void }
}

/**
 * Reads what has been committed by now, by whatever process or backend. The driver's own reads keep one snapshot for a while,
 * and a timer for each; these take and drop one per read. None is held between reads, so none keeps old pages from being used
 * again. Nothing else may read outside a write: the driver shares its transaction with this one, and would leave a snapshot in it.
 */
export class FreshReader {
  readonly #transaction: NativeTransaction
  readonly #options: { readonly transaction: NativeTransaction }

  constructor(root: lmdb.RootDatabase<Buffer, Uint8Array>) {
    this.#transaction = root.useReadTransaction() as NativeTransaction
    this.#options = { transaction: this.#transaction }
    this.#drop()
  }

  /** @returns a copy. */
  get(table: Table, key: Uint8Array): Buffer | undefined {
    try {
      return (table as ReadIn).getBinary(key, this.#options)
    } finally {
      this.#drop()
    }
  }

  /** The first key that lies below `end`. */
  firstKey(table: Table, end: Uint8Array): Uint8Array | undefined {
    try {
      for (const key of table.getKeys({ ...this.#options, end, limit: 1 })) return key
      return undefined
    } finally {
      this.#drop()
    }
  }

  close(): void {
    this.#transaction.done()
  }

  #drop(): void {
    nativeAddon.resetTxn(this.#transaction.address)
  }
}
