/** One line about a step that has been checked. */
export function say(step: string, result: unknown): void {
  console.log(`  ${step.padEnd(48)} ${String(result)}`)
}
