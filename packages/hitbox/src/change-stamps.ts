const GROUPS = 1_024

/**
 * Tells whether a key may have been changed since a moment, without remembering keys: a stamp that is the same as then says that it was
 * not. Keys that share a group cost each other a second look, no more.
 */
export class ChangeStamps {
  readonly #counts = new Uint32Array(GROUPS)
  #all = 0

  /** A change of this key begins. */
  note(text: string): void {
    const group = groupOf(text)
    this.#counts[group] = (this.#counts[group] as number) + 1
  }

  /** A change of any number of keys begins. */
  noteAll(): void {
    this.#all += 1
  }

  of(text: string): number {
    return (this.#counts[groupOf(text)] as number) + this.#all
  }
}

/** FNV-1a, folded: spreads keys that differ in their last digits only. */
function groupOf(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return (hash ^ (hash >>> 15)) & (GROUPS - 1)
}
