import { invalidOption } from '@hitbox/core'

/**
 * Reads an option that is `false` unless given.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is neither `true` nor `false`.
 */
export function yesOrNo(option: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false
  throw invalidOption(option, 'true or false', value)
}
