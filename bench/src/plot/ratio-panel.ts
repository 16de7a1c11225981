import type { Cell, Row, Table } from '../contract.ts'
import { isOurs, LOOK } from './look.ts'
import { PAGE_WIDTH, type Panel } from './panel.ts'
import { type Scale, logScale } from './scale.ts'
import { at, element, type Svg, text, widthOf } from './svg.ts'
import { cutLine, figure, line, wrapped } from './words.ts'

const ROW_HEIGHT = 17
const BAR_HEIGHT = 11
const MOST_NAME_WIDTH = 250
const LEAST_STRIP_WIDTH = 165
const STRIP_GAP = 14
/** For the number at the end of a bar. */
const NUMBER_WIDTH = 44

export function hasRatios({ rows }: Table): boolean {
  return rows.some(({ cells }) => cells.some((cell) => cell?.ratio !== undefined))
}

/** A strip of bars for each column; all share one scale, so their lengths can be compared. */
export function ratioPanel(table: Table): Panel {
  const rows = table.rows.filter(({ cells }) => cells.some((cell) => cell?.ratio !== undefined))
  const nameWidth = Math.min(
    MOST_NAME_WIDTH,
    12 + Math.max(...rows.map(({ name }) => widthOf(name, 11, isOurs(name)))),
  )
  const room = PAGE_WIDTH - nameWidth
  const perBlock = Math.min(
    table.columns.length,
    Math.floor(room / (LEAST_STRIP_WIDTH + STRIP_GAP)),
  )
  const stripWidth = room / perBlock - STRIP_GAP
  const domain = domainOf(rows)
  const left = domain[0] < 1 ? NUMBER_WIDTH : 2
  const scale = logScale(domain, [left, stripWidth - NUMBER_WIDTH])
  const parts: Svg[] = [
    line(0, 13, table.title, { size: 14, bold: true }),
    line(0, 30, explanation(table), { colour: LOOK.faint }),
  ]
  let top = 44
  for (let first = 0; first < table.columns.length; first += perBlock) {
    const columns = table.columns.slice(first, first + perBlock)
    const heads = columns.map((column) => wrapped(column, stripWidth, { bold: true }))
    const headHeight = 15 * Math.max(...heads.map((lines) => lines.length))
    const height = rows.length * ROW_HEIGHT
    parts.push(at(0, top + headHeight, names(rows, nameWidth)))
    for (const [index, lines] of heads.entries()) {
      const x = nameWidth + index * (stripWidth + STRIP_GAP)
      parts.push(
        at(x, top, ...lines.map((said, row) => line(0, 10 + 15 * row, said, { bold: true }))),
        at(x, top + headHeight, strip(rows, first + index, scale, height)),
      )
    }
    top += headHeight + height + 26
  }
  return { width: PAGE_WIDTH, height: top, svg: element('g', {}, ...parts) }
}

function explanation({ base, unit }: Table): string {
  const better = unit.endsWith('/s') ? 'more' : 'less'
  return `${unit}, as a ratio to ${base ?? 'the bare part'} (1), log scale; ${better} is better`
}

function domainOf(rows: readonly Row[]): readonly [number, number] {
  const ratios = rows.flatMap(({ cells }) => cells.flatMap((cell) => positive(cell) ?? []))
  return [Math.min(1, ...ratios), Math.max(1.5, ...ratios)]
}

/** A ratio that has a place on a scale of ratios. */
function positive(cell: Cell | undefined): number | undefined {
  const ratio = cell?.ratio
  return ratio !== undefined && ratio > 0 && Number.isFinite(ratio) ? ratio : undefined
}

function names(rows: readonly Row[], width: number): Svg {
  const lines = rows.map(({ name }, index) =>
    cutLine(0, baseline(index), name, width - 8, {
      bold: isOurs(name),
      colour: isOurs(name) ? LOOK.ours : LOOK.ink,
    }),
  )
  return element('g', {}, ...lines)
}

function strip(rows: readonly Row[], column: number, scale: Scale, height: number): Svg {
  const one = scale.place(1)
  const grid = fewTicks(scale).flatMap((tick) => {
    const x = scale.place(tick)
    return [
      element('line', {
        x1: x,
        y1: 0,
        x2: x,
        y2: height,
        stroke: tick === 1 ? LOOK.faint : LOOK.grid,
      }),
      line(x, height + 12, figure(tick), { size: 9, colour: LOOK.faint, anchor: 'middle' }),
    ]
  })
  const bars = rows.map((row, index) => bar(row, row.cells[column], index, { scale, one }))
  return element('g', {}, ...grid, ...bars)
}

/** Numbers below the strip need their room, and 1 is always among them. */
function fewTicks({ ticks, place }: Scale): readonly number[] {
  const chosen = [1]
  for (const tick of ticks) {
    if (chosen.every((other) => Math.abs(place(other) - place(tick)) >= 26)) chosen.push(tick)
  }
  return chosen
}

interface Strip {
  readonly scale: Scale
  readonly one: number
}

function bar({ name }: Row, cell: Cell | undefined, index: number, { scale, one }: Strip): Svg {
  const ratio = positive(cell)
  if (ratio === undefined) return line(one + 4, baseline(index), '–', { colour: LOOK.faint })
  const end = scale.place(ratio)
  const ours = isOurs(name)
  return element(
    'g',
    {},
    element('title', {}, text(`${name}: ${figure(ratio)} (${figure(cell?.value ?? Number.NaN)})`)),
    element('rect', {
      x: Math.min(one, end),
      y: index * ROW_HEIGHT + (ROW_HEIGHT - BAR_HEIGHT) / 2,
      width: Math.max(1, Math.abs(end - one)),
      height: BAR_HEIGHT,
      fill: ours ? LOOK.ours : LOOK.bar,
    }),
    line(end + (end < one ? -4 : 4), baseline(index), figure(ratio), {
      anchor: end < one ? 'end' : 'start',
      bold: ours,
    }),
  )
}

function baseline(index: number): number {
  return index * ROW_HEIGHT + ROW_HEIGHT / 2 + 4
}
