import type { Cell, Table } from '../contract.ts'
import { isPlotted } from '../plot/plot.ts'
import { GOALS, type Goal, isMet, measuredOf } from './goals.ts'
import { threeDigits } from './print-table.ts'
import type { Report } from './report.ts'

const BEGIN = '<!-- figures: made by `npm run bench -- --page` -->'
const END = '<!-- end of figures -->'

/** A report as it was before it became JSON, which has `null` for what is not there. */
export function readReport(json: string): Report {
  return JSON.parse(json, (_, value: unknown) => value ?? undefined) as Report
}

/**
 * The page with the figures of this report in place of those between its two marks; the prose around them stays.
 *
 * @throws Error when the page has no marks.
 */
export function withFigures(page: string, report: Report): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin === -1 || end < begin) throw new Error(`the page must have "${BEGIN}" and "${END}"`)
  return `${page.slice(0, begin)}${BEGIN}\n\n${figures(report)}\n\n${page.slice(end)}`
}

/** Where the plot of a case is, from the page. */
export function plotPath({ name }: { readonly name: string }): string {
  return `performance/${name}.svg`
}

/** Markdown, in the form that the formatter leaves as it is. */
function figures(report: Report): string {
  const tables = report.cases.flatMap((one) => one.tables)
  return [
    circumstances(report),
    '## At a glance',
    goals(tables),
    ...report.cases.flatMap((one) => [
      `## ${one.title}`,
      ...(isPlotted(one.tables) ? [`![${one.title}](${plotPath(one)})`] : []),
      ...one.tables.flatMap(tableText),
    ]),
    '## Who took part, and how',
    grid(
      ['contender', 'set up'],
      Object.entries(report.contenders).map(([name, about]) => [name, about]),
    ),
    grid(
      ['version of', ''],
      Object.entries(report.versions).map(([name, version]) => [name, version]),
    ),
  ].join('\n\n')
}

function circumstances({ date, machine: on, rounds, loadAverage: load, seconds }: Report): string {
  return `Run of ${date.slice(0, 10)}: ${on.cores} × ${on.processor}, ${on.memoryGiB} GiB, ${on.system}; ${rounds} counted rounds, ${Math.round(seconds / 60)} minutes; processes that wanted to run: ${load.start.toFixed(1)} before, ${load.end.toFixed(1)} at the end.`
}

function goals(tables: readonly Table[]): string {
  return grid(
    ['what', 'goal', 'measured', ''],
    GOALS.map((goal) => {
      const measured = measuredOf(goal, tables)
      return [
        goal.what,
        wantedOf(goal),
        measured === undefined ? '–' : `${threeDigits(measured)}${goal.of === 'ratio' ? ' ×' : ''}`,
        measured === undefined ? 'not measured' : isMet(goal, measured) ? 'met' : '**missed**',
      ]
    }),
  )
}

function wantedOf({ most, least, of }: Goal): string {
  const sign = of === 'ratio' ? ' ×' : ''
  return most === undefined ? `≥ ${least}${sign}` : `≤ ${most}${sign}`
}

/** A column per measurement: the ratio to the bare part, then what was measured. */
function tableText(table: Table): readonly string[] {
  const { title, unit, base, columns, rows, notes = [] } = table
  const better = unit.endsWith('/s') ? 'more is better' : 'less is better'
  const meaning =
    base === undefined ? `In ${unit}.` : `Ratios to ${base} (${better}), in brackets ${unit}.`
  return [
    `### ${title}`,
    meaning,
    grid(
      ['', ...columns],
      rows.map(({ name, cells }) => [
        /^@?hitbox/.test(name) ? `**${name}**` : name,
        ...columns.map((_, at) => cellText(cells[at], unit)),
      ]),
    ),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${escaped(note)}`).join('\n')]),
  ]
}

function cellText(cell: Cell | undefined, unit: string): string {
  if (cell === undefined) return '–'
  const { value, ratio } = cell
  const measured = unit === '%' ? value.toFixed(1) : threeDigits(value)
  return ratio === undefined ? measured : `${threeDigits(ratio)} (${measured})`
}

/** A table whose columns are as wide as their widest cell; the first to the left, figures to the right. */
function grid(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows].map((row) => row.map(escaped))
  const widths = head.map((_, at) => Math.max(3, ...lines.map((row) => row[at]?.length ?? 0)))
  const written = lines.map((row) =>
    row.map((word, at) => word.padEnd(widths[at] ?? 0)).join(' | '),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join(' | ')
  return [written[0], rule, ...written.slice(1)].map((line) => `| ${line} |`).join('\n')
}

/** What would end a cell, or begin an element. */
function escaped(words: string): string {
  return words.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
