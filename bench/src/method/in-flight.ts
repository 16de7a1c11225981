/**
 * Does `operations` of them, `count` at a time: as one ends, the next begins. The sum of what they give.
 * Closed loop: it tells how much can be done, not how long who comes at any time would wait.
 */
export async function inFlight(
  count: number,
  operations: number,
  one: (operation: number) => Promise<number>,
): Promise<number> {
  let next = 0
  let sum = 0
  async function worker() {
    while (next < operations) {
      const operation = next
      next += 1
      // Two statements: what an addition has read before it waits would be old after.
      const found = await one(operation)
      sum += found
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, operations) }, worker))
  return sum
}
