import { vi } from 'vitest'

/** Whether the full numbers are asked for, which take hours rather than minutes. */
export const LONG: boolean = process.env['HITBOX_LONG'] === '1'

if (LONG) vi.setConfig({ testTimeout: 3_600_000 })

/** How much is tried: enough to notice, or all that is promised. */
export function amount(usual: number, long: number): number {
  return LONG ? long : usual
}
