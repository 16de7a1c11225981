import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isPlotted, plotSvg } from '../plot/plot.ts'
import { plotPath, readReport, withFigures } from './page.ts'
import type { Report } from './report.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const cache = join(root, '.cache', 'bench')

/** Writes JSON and a plot; those of a whole run are not replaced by a narrower one. */
export function writeReport(report: Report, whole: boolean): readonly string[] {
  mkdirSync(cache, { recursive: true })
  const name = whole ? 'results' : 'narrowed'
  writeFileSync(join(cache, `${name}.json`), `${JSON.stringify(report, undefined, 2)}\n`)
  writeFileSync(join(cache, `${name}.svg`), plotSvg(report))
  return [`.cache/bench/${name}.json`, `.cache/bench/${name}.svg`]
}

/**
 * Puts the figures and the plots of the latest whole run into the documentation.
 *
 * @returns why it could not; `undefined` when it is done.
 */
export function writePage(): string | undefined {
  const results = join(cache, 'results.json')
  if (!existsSync(results))
    return '--page: run the whole bench first, there is no .cache/bench/results.json'
  const report = readReport(readFileSync(results, 'utf8'))
  const failed = report.cases.filter(({ failure }) => failure !== undefined)
  if (failed.length > 0)
    return `--page: in the latest run failed ${failed.map(({ name }) => name).join(', ')}`
  const page = join(root, 'docs', 'performance.md')
  writeFileSync(page, withFigures(readFileSync(page, 'utf8'), report))
  mkdirSync(join(root, 'docs', 'performance'), { recursive: true })
  for (const one of report.cases.filter(({ tables }) => isPlotted(tables))) {
    writeFileSync(join(root, 'docs', plotPath(one)), plotSvg({ ...report, cases: [one] }))
  }
  return undefined
}
