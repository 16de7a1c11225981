const NAME = /^[A-Za-z_$][\w$]*$/
const MAX_LENGTH = 400

/** One step into a value: an index, a property's name, or a step of another kind, written as it is. */
export type Step = number | string | { readonly step: string }

/**
 * Writes the way to a part of a value: `$.user[3].home`.
 *
 * @param steps - From the part up to the root, as they are found on the way back. A long way loses its middle.
 */
export function pathText(steps: readonly Step[]): string {
  let head = '$'
  let tail = ''
  let from = steps.length - 1
  let to = 0
  while (from >= to) {
    const text = stepText(steps[from] as Step)
    if (head.length + text.length > MAX_LENGTH / 2) break
    head += text
    from -= 1
  }
  while (to <= from) {
    const text = stepText(steps[to] as Step)
    if (tail.length + text.length > MAX_LENGTH / 2) break
    tail = text + tail
    to += 1
  }
  return to <= from ? `${head}…${tail}` : head + tail
}

function stepText(step: Step): string {
  if (typeof step === 'number') return `[${step}]`
  if (typeof step === 'object') return step.step
  return NAME.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}
