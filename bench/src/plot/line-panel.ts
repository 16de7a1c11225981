import { isOurs, LOOK, type Stroke, strokes } from './look.ts'
import { GAP, PAGE_WIDTH, type Panel } from './panel.ts'
import type { Range, Scale } from './scale.ts'
import { at, element, type Svg, text, widthOf } from './svg.ts'
import { cutLine, figure, line, wrapped } from './words.ts'

/** One line of a panel, with a point for each column that has a value. */
export interface Series {
  readonly name: string
  /** Follows the name where the line ends. */
  readonly remark?: string | undefined
  readonly points: readonly (number | undefined)[]
}

export interface LinePanelOptions {
  readonly title: string
  readonly explanation: string
  readonly columns: readonly string[]
  readonly series: readonly Series[]
  readonly scale: (range: Range) => Scale
}

const WIDTH = (PAGE_WIDTH - GAP) / 2
const PLOT_HEIGHT = 230
const AXIS_WIDTH = 44
const LABEL_HEIGHT = 14
const LABEL_SIZE = 10
const MOST_LABEL_WIDTH = 215

/** Lines over columns, each with its name at its end. */
export function linePanel(options: LinePanelOptions): Panel {
  const { columns, series } = options
  const titles = wrapped(options.title, WIDTH, { size: 13, bold: true })
  const top = 17 * titles.length + 24
  const labels = series.map(labelOf)
  const labelWidth = Math.min(
    MOST_LABEL_WIDTH,
    22 + Math.max(0, ...labels.map((label) => widthOf(label, LABEL_SIZE, isOurs(label)))),
  )
  const plotWidth = WIDTH - AXIS_WIDTH - labelWidth
  const scale = options.scale([PLOT_HEIGHT, 0])
  const column = (index: number) => ((index + 0.5) / columns.length) * plotWidth
  const looks = strokes(series.map(({ name }) => name))
  const lines = series.map(({ points }, index) =>
    curve(points, looks[index] as Stroke, scale, column),
  )
  // Ours on top of the others.
  const drawn = lines.toSorted((a, b) => Number(a.ours) - Number(b.ours)).map(({ svg }) => svg)
  const svg = element(
    'g',
    {},
    ...titles.map((said, index) => line(0, 12 + 17 * index, said, { size: 13, bold: true })),
    line(0, 17 * titles.length + 10, options.explanation, { size: 10, colour: LOOK.faint }),
    at(
      AXIS_WIDTH,
      top,
      axis(scale, plotWidth),
      ...columns.map((said, index) => columnName(column(index), said, plotWidth / columns.length)),
      ...drawn,
      endLabels(lines, labels, plotWidth, labelWidth),
    ),
  )
  return { width: WIDTH, height: top + PLOT_HEIGHT + 40, svg }
}

function labelOf({ name, remark }: Series): string {
  return remark === undefined ? name : `${name} (${remark})`
}

function axis({ ticks, place }: Scale, width: number): Svg {
  const lines = ticks.flatMap((tick) => [
    element('line', { x1: 0, y1: place(tick), x2: width, y2: place(tick), stroke: LOOK.grid }),
    line(-6, place(tick) + 3, figure(tick), { size: 10, colour: LOOK.faint, anchor: 'end' }),
  ])
  return element('g', {}, ...lines)
}

function columnName(x: number, said: string, width: number): Svg {
  const lines = wrapped(said, width, { size: 10 })
  return at(
    x,
    PLOT_HEIGHT + 14,
    ...lines.map((words, index) =>
      line(0, 12 * index, words, { size: 10, colour: LOOK.faint, anchor: 'middle' }),
    ),
  )
}

interface Curve extends Stroke {
  readonly svg: Svg
  readonly end: readonly [x: number, y: number] | undefined
}

function curve(
  points: readonly (number | undefined)[],
  look: Stroke,
  scale: Scale,
  column: (index: number) => number,
): Curve {
  const places = points.flatMap((value, index): (readonly [number, number])[] =>
    value === undefined || Number.isNaN(value) ? [] : [[column(index), scale.place(value)]],
  )
  const path = places.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ')
  const svg = element(
    'g',
    { fill: look.colour },
    element('polyline', {
      points: path,
      fill: 'none',
      stroke: look.colour,
      'stroke-width': look.ours ? 2.5 : 1.5,
      'stroke-dasharray': look.dash,
      'stroke-linejoin': 'round',
    }),
    ...places.map(([cx, cy]) => element('circle', { cx, cy, r: look.ours ? 3.2 : 2.4 })),
  )
  return { ...look, svg, end: places.at(-1) }
}

/** Names beside the ends of their lines, moved apart where lines end at the same height, each with a thread to its end. */
function endLabels(
  curves: readonly Curve[],
  labels: readonly string[],
  plotWidth: number,
  width: number,
): Svg {
  const ended = curves.flatMap(({ end, ...look }, index) =>
    end === undefined ? [] : [{ ...look, end, said: labels[index] as string }],
  )
  const sorted = ended.toSorted((a, b) => a.end[1] - b.end[1])
  const heights = apart(sorted.map(({ end }) => end[1]))
  const svgs = sorted.map(({ end: [x, y], said, colour, dash, ours }, index) => {
    const height = heights[index] as number
    const label = cutLine(plotWidth + 20, height + 3.5, said, width - 20, {
      size: LABEL_SIZE,
      colour,
      bold: ours,
    })
    const thread = `${(x + 5).toFixed(1)},${y.toFixed(1)} ${plotWidth.toFixed(1)},${height.toFixed(1)} ${(plotWidth + 16).toFixed(1)},${height.toFixed(1)}`
    return element(
      'g',
      {},
      element('title', {}, text(said)),
      element('polyline', {
        points: thread,
        fill: 'none',
        stroke: colour,
        'stroke-width': ours ? 1.5 : 0.7,
        'stroke-dasharray': dash,
        opacity: 0.7,
      }),
      label,
    )
  })
  return element('g', {}, ...svgs)
}

/** Moves heights, which ascend, as little as leaves a line of text to each, and none below the panel. */
export function apart(ascending: readonly number[]): readonly number[] {
  const heights: number[] = []
  for (const height of ascending)
    heights.push(Math.max(height, (heights.at(-1) ?? -LABEL_HEIGHT) + LABEL_HEIGHT))
  for (let index = heights.length - 1, most = PLOT_HEIGHT; index >= 0; index--) {
    heights[index] = Math.min(heights[index] as number, most)
    most = (heights[index] as number) - LABEL_HEIGHT
  }
  return heights
}
