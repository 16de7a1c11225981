import type { Line, Route } from './line.ts'

/** A route to one line, come what may. */
export function fixed(line: Line): Route {
  return { line: () => line, redirect: () => undefined }
}
