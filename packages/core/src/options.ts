import { CacheError } from './errors.ts'

/**
 * Builds the error for an option that cannot be used.
 *
 * @param option - Name of the option as the caller wrote it.
 * @param expected - What would have been right, to follow "must be".
 * @param value - What came. Put into the message: never pass a secret, a key or a cached value.
 */
export function invalidOption(
  option: string,
  expected: string,
  value: unknown,
): CacheError<'INVALID_OPTION'> {
  return new CacheError(
    'INVALID_OPTION',
    `"${option}" must be ${expected}, got ${describe(value)}`,
    {
      details: { option, value },
    },
  )
}

/**
 * Reads a whole-number option.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is not a whole number from `min` to `max`.
 */
export function wholeNumber(
  option: string,
  value: unknown,
  { min, max = Number.MAX_SAFE_INTEGER }: { readonly min: number; readonly max?: number },
): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number
  }
  const range = max === Number.MAX_SAFE_INTEGER ? `of ${min} or more` : `from ${min} to ${max}`
  throw invalidOption(option, `a whole number ${range}`, value)
}

/**
 * Reads an option that is one of a few words.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is none of `words`.
 */
export function oneOf<const Word extends string>(
  option: string,
  value: unknown,
  words: readonly Word[],
): Word {
  if (words.includes(value as Word)) return value as Word
  throw invalidOption(option, `one of ${words.map((word) => `'${word}'`).join(', ')}`, value)
}

/**
 * Refuses names that are not options of `factory`, so that a misspelt option is an error instead of a default.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when `options` is no object or has an unknown name.
 */
export function knownOptions(factory: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidOption('options', `an object with the options of ${factory}`, options)
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue
    throw new CacheError(
      'INVALID_OPTION',
      `"${name}" is not an option of ${factory}; it takes ${names.join(', ')}`,
      { details: { option: name, value: undefined } },
    )
  }
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 40 ? `a text of ${value.length} characters` : JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    default:
      if (value === null) return 'null'
      return Array.isArray(value) ? 'an array' : 'an object'
  }
}
