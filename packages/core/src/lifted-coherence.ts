import type { ChangeListener, Coherence, CoherenceMode, Feed } from './coherence.ts'
import { type KeyFormat, keyId, type StoreKey } from './key/key-format.ts'

/** Store keys that do not tell their text are remembered, this many; the oldest one that goes counts as changed. */
const MOST_NAMES = 10_000

/** The feed of a store, by the texts of keys. */
export class LiftedCoherence<Key extends StoreKey> implements Coherence {
  readonly #feed: Feed<Key>
  readonly #keyFormat: KeyFormat<Key>
  /** One for each call of {@link LiftedCoherence.listen}. */
  readonly #listeners = new Set<{ readonly listener: ChangeListener }>()
  /** Texts by store keys that are hashes, or of a format that has no way back. */
  readonly #names = new Map<string, string>()

  constructor(feed: Feed<Key>, keyFormat: KeyFormat<Key>) {
    this.#feed = feed
    this.#keyFormat = keyFormat
  }

  get mode(): CoherenceMode | undefined {
    return this.#feed.mode
  }

  get maxStaleMs(): number {
    return this.#feed.maxStaleMs
  }

  get copyMs(): number {
    return this.#feed.copyMs
  }

  get fence(): number {
    return this.#feed.fence
  }

  fenceOf(text: string): number {
    return this.#feed.fenceOf(this.#keyFormat.encode(text))
  }

  listen(listener: ChangeListener): () => void {
    const own = { listener }
    this.#listeners.add(own)
    const end = this.#feed.listen({
      changed: (key) => {
        const text = this.#keyFormat.decode(key) ?? this.#names.get(keyId(key))
        // Of a key without a text nothing was read here, or it counts as changed already.
        if (text !== undefined) listener.changed(text)
      },
      changedAll: () => listener.changedAll(),
    })
    return () => {
      if (!this.#listeners.delete(own)) return
      if (this.#listeners.size === 0) this.#names.clear()
      end()
    }
  }

  barrier(texts?: readonly string[]): Promise<void> {
    return this.#feed.barrier(texts && this.#keys(texts))
  }

  stamp(texts?: readonly string[]): string {
    return this.#feed.stamp(texts && this.#keys(texts))
  }

  reached(stamp: string): boolean {
    return this.#feed.reached(stamp)
  }

  /** Called before a key is read or written, so that a change of it can be told by its text. */
  note(key: Key, text: string): void {
    if (this.#listeners.size === 0 || this.#keyFormat.decode(key) !== undefined) return
    const id = keyId(key)
    this.#names.delete(id)
    this.#names.set(id, text)
    if (this.#names.size <= MOST_NAMES) return
    for (const [oldest, forgotten] of this.#names) {
      this.#names.delete(oldest)
      for (const { listener } of this.#listeners) listener.changed(forgotten)
      break
    }
  }

  #keys(texts: readonly string[]): Key[] {
    return texts.map((text) => this.#keyFormat.encode(text))
  }
}
