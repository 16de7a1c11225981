import { invalidOption } from './options.ts'

const LABEL = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Reads a `label` option: the name of a backend in errors, events, metrics and source paths.
 *
 * @throws {@link CacheError} `INVALID_OPTION` when it is not 1 to 64 of `A-Z a-z 0-9 _ -`; a dot would join path elements.
 */
export function toLabel(label: unknown): string {
  if (typeof label === 'string' && LABEL.test(label)) return label
  throw invalidOption('label', '1 to 64 letters, digits, "_" or "-"', label)
}

/** The path of an inner backend as seen from outside: `outer.inner.memory`. */
export function sourcePath(outer: string, inner: string): string {
  return `${outer}.${inner}`
}
