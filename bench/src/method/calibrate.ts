/** Before that many rounds' time V8 has not compiled what it will: what is counted would be the interpreter. */
const WARM_ROUNDS = 4

interface CalibrateOptions {
  /** Never fewer than this. */
  readonly least?: number
  /** In milliseconds. What is measured by CPU is sized by CPU: on a busy machine, little is done in much time. */
  readonly clock?: () => number
}

/**
 * How often to do something so that it takes about `milliseconds`. Finds out by doing it, from a few to as many as take that long, and
 * goes on until it has been done for long enough to be compiled.
 */
export async function calibrate(
  run: (count: number) => Promise<unknown>,
  milliseconds: number,
  { least = 1, clock = () => performance.now() }: CalibrateOptions = {},
): Promise<number> {
  let count = Math.max(16, least)
  let spent = 0
  for (;;) {
    const begun = clock()
    await run(count)
    const took = clock() - begun
    spent += took
    const wanted = Math.ceil((count * milliseconds) / Math.max(took, 0.01))
    const next = Math.max(least, Math.min(count * 4, wanted))
    if (spent >= WARM_ROUNDS * milliseconds && took >= milliseconds / 3) return next
    count = next
  }
}
