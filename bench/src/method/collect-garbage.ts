/** What `--expose-gc` gives. */
type Collect = (options?: { readonly type: 'minor' | 'major' }) => void

/**
 * So that nobody pays for what the one before has left. Between rounds only the young are collected: old ones are what all contenders
 * hold together, and marking them would take longer than a round.
 */
export function collectGarbage(type: 'minor' | 'major'): void {
  const { gc } = globalThis as { readonly gc?: Collect }
  if (gc === undefined) return
  if (type === 'major') gc()
  else gc({ type })
}
