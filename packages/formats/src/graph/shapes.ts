import type { Slot } from './graph.ts'

interface ShapeNode {
  id: number | undefined
  readonly next: Map<string, ShapeNode>
}

/** The distinct lists of keys of a value's objects. */
export class Shapes {
  readonly list: Slot[][] = []
  readonly #root: ShapeNode = { id: undefined, next: new Map() }

  indexOf(keys: readonly string[], slot: (key: string) => Slot): number {
    let at = this.#root
    for (const key of keys) {
      let next = at.next.get(key)
      if (next === undefined) {
        next = { id: undefined, next: new Map() }
        at.next.set(key, next)
      }
      at = next
    }
    at.id ??= this.list.push(keys.map(slot)) - 1
    return at.id
  }
}
