/** A binary heap of whole numbers below 2^32 that gives the largest. */
export class MaxHeap {
  #numbers = new Uint32Array(1_024)
  #size = 0

  push(added: number): void {
    if (this.#size === this.#numbers.length) this.#grow()
    const numbers = this.#numbers
    let at = this.#size
    this.#size += 1
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if ((numbers[parent] as number) >= added) break
      numbers[at] = numbers[parent] as number
      at = parent
    }
    numbers[at] = added
  }

  /** Only of a heap that holds something. */
  pop(): number {
    const numbers = this.#numbers
    const largest = numbers[0] as number
    this.#size -= 1
    const moved = numbers[this.#size] as number
    let at = 0
    for (let child = 1; child < this.#size; child = 2 * at + 1) {
      const right = child + 1
      const larger =
        right < this.#size && (numbers[right] as number) > (numbers[child] as number)
          ? right
          : child
      if ((numbers[larger] as number) <= moved) break
      numbers[at] = numbers[larger] as number
      at = larger
    }
    numbers[at] = moved
    return largest
  }

  #grow(): void {
    const larger = new Uint32Array(this.#numbers.length * 2)
    larger.set(this.#numbers)
    this.#numbers = larger
  }
}
