import { oneOf, wholeNumber } from '@hitbox/core'

/** Options of {@link gzip} and {@link deflate}. */
export interface FlateOptions {
  /** From 0 (stored) over 1 (fast) to 9 (small). @defaultValue 6 */
  readonly level?: number | undefined
  /**
   * `'native'` is `node:zlib`; `'portable'` is fflate, JavaScript only and three to six times slower.
   * Each reads what the other wrote. @defaultValue `'native'`
   */
  readonly implementation?: 'native' | 'portable' | undefined
}

export function resolveFlateOptions(options: FlateOptions): {
  readonly level: FlateLevel
  readonly implementation: 'native' | 'portable'
  readonly syncBytes: number
} {
  const { level = 6, implementation = 'native' } = options
  return {
    level: wholeNumber('level', level, { min: 0, max: 9 }) as FlateLevel,
    implementation: oneOf('implementation', implementation, ['native', 'portable']),
    syncBytes: 32_768, // 0.25 ms at level 6
  }
}

export type FlateLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9
