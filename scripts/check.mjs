// Everything but the tests: what `npm run check` and .ci/run look at.
import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { checkConsumer } from './check-consumer.mjs'
import { checkDocExamples } from './check-doc-examples.mjs'
import { checkHygiene } from './check-hygiene.mjs'
import { root, runSteps, succeeds } from './step.mjs'

const examples = readdirSync(join(root, 'examples')).filter((name) =>
  existsSync(join(root, 'examples', name, 'package.json')),
)

const steps = {
  format: () => succeeds('oxfmt', ['--check', '.']),
  lint: () => succeeds('oxlint', ['--deny-warnings']),
  types: () => succeeds('tsc', ['-b']),
  build: () => succeeds('pnpm', ['run', 'build']),
  'coherence, judged briefly': () =>
    succeeds('node', [
      'scripts/coherence.mjs',
      '--only-installed',
      '--duration',
      '15s',
      '--cluster',
      '12s',
      '--bite',
      '8s',
    ]),
  'cost beside the bare parts, with wide margins': () =>
    succeeds('node', ['--expose-gc', 'bench/dist/guard.js']),
  'dead code': () => succeeds('knip', []),
  'workspace consistency': () => succeeds('sherif', ['--fail-on-warnings']),
  hygiene: () => checkHygiene(root),
  'documented examples': () => checkDocExamples(root),
  'API reference': () => succeeds('pnpm', ['run', 'docs:run']),
  'packages: publint, are the types wrong': () =>
    succeeds('turbo', ['run', 'lint:pkg', '--concurrency=2', '--output-logs=errors-only']),
  'consumer of the packed tarballs, ESM and CommonJS': () => checkConsumer(root),
}
for (const name of examples) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'examples', name, 'package.json'), 'utf8'))
  steps[`example: ${name}`] = () =>
    succeeds('pnpm', ['--dir', join('examples', name), 'run', scripts.check ? 'check' : 'start'])
}

await runSteps(steps, 'check-results.json')
