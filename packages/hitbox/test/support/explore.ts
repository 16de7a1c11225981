/** One run of a scenario: things that can happen next, by name, until none is left. */
export interface Scene {
  /** In a stable order: the same choices must lead to the same names. */
  enabled(): readonly string[]
  happen(name: string): void
  /** Called when nothing can happen any more. Throws when the outcome is wrong. */
  check(): Promise<void>
}

/** Lets everything that is already due run: promises chains of any length. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

/**
 * Plays so many orders in which the things of a scene can happen, always the same ones, where all would be too many.
 *
 * @returns how many it were.
 */
export function someOrders(count: number): (open: () => Scene) => Promise<number> {
  return async (open) => {
    let state = 1
    for (let order = 0; order < count; order += 1) {
      const told: string[] = []
      const scene = open()
      for (let names = scene.enabled(); names.length > 0; names = scene.enabled()) {
        // A step of a linear congruence, of which the upper bits count.
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        const name = names[(state >>> 8) % names.length] as string
        told.push(name)
        scene.happen(name)
        await turn()
      }
      await checked(scene, told)
    }
    return count
  }
}

/**
 * Plays every order in which the things of a scene can happen.
 *
 * @returns how many there are.
 */
export async function everyOrder(open: () => Scene): Promise<number> {
  const choices: number[] = []
  for (let orders = 1; ; orders += 1) {
    const widths: number[] = []
    const told: string[] = []
    const scene = open()
    for (let names = scene.enabled(); names.length > 0; names = scene.enabled()) {
      const step = widths.length
      choices[step] ??= 0
      widths.push(names.length)
      const name = names[choices[step]] as string
      told.push(name)
      scene.happen(name)
      await turn()
    }
    await checked(scene, told)
    let last = widths.length - 1
    while (last >= 0 && (choices[last] as number) + 1 >= (widths[last] as number)) last -= 1
    if (last < 0) return orders
    choices.length = last + 1
    choices[last] = (choices[last] as number) + 1
  }
}

async function checked(scene: Scene, told: readonly string[]): Promise<void> {
  try {
    await scene.check()
  } catch (error) {
    throw new Error(`in the order: ${told.join('; ')}`, { cause: error })
  }
}
