import { type DurationInput, toDuration } from '@hitbox/core'

/** How patiently {@link until} asks. */
export interface UntilOptions {
  /** Pause between two questions. @defaultValue `'5ms'` */
  readonly every?: DurationInput | undefined
  /** How long to go on asking; generous, since a busy machine is no failure. @defaultValue `'30s'` */
  readonly within?: DurationInput | undefined
}

/**
 * Asks again and again until the answer is neither `undefined` nor `false`, for what happens outside this process;
 * what happens in it is better ordered with {@link manualClock} and {@link deferred}.
 *
 * @param what - What is waited for, to follow "waited in vain until".
 * @throws an error that says so when the time is over; its `cause` is what the last question threw.
 */
export async function until<T>(
  what: string,
  ask: () => T | Promise<T>,
  options: UntilOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const everyMs = toDuration(options.every ?? '5ms', 'every')
  const end = performance.now() + toDuration(options.within ?? '30s', 'within')
  for (;;) {
    let cause: unknown
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>
    } catch (error) {
      cause = error
    }
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`, { cause })
    await new Promise((resolve) => {
      setTimeout(resolve, everyMs)
    })
  }
}
