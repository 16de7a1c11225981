// Adds up what the tests and the checks counted, as the last line: `N passed, N failed`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cache } from './step.mjs'

const tests = read('test-results.json')
const checks = read('check-results.json')
const passed = (tests?.numPassedTests ?? 0) + (checks?.passed ?? 0)
// Skipped counts as failed, and so does a run that left no result, or a file that failed to load.
const failed = tests
  ? tests.numTotalTests - tests.numPassedTests + (tests.success || tests.numFailedTests > 0 ? 0 : 1)
  : 1
const total = failed + (checks ? checks.failed : 1)
console.log(`${passed} passed, ${total} failed`)
process.exitCode = total === 0 ? 0 : 1

function read(file) {
  try {
    return JSON.parse(readFileSync(join(cache, file), 'utf8'))
  } catch {
    return undefined // the run ended before it could write
  }
}
