import { LOOK } from './look.ts'
import { element, type Svg, text, widthOf } from './svg.ts'

interface WordsOptions {
  readonly size?: number | undefined
  readonly colour?: string | undefined
  readonly bold?: boolean | undefined
  readonly anchor?: 'start' | 'middle' | 'end' | undefined
}

/** A line of text. */
export function line(x: number, y: number, said: string, options: WordsOptions = {}): Svg {
  const { size = 11, colour = LOOK.ink, bold = false, anchor } = options
  return element(
    'text',
    {
      x,
      y,
      'font-size': size,
      fill: colour,
      'font-weight': bold ? 'bold' : undefined,
      'text-anchor': anchor === 'start' ? undefined : anchor,
    },
    text(said),
  )
}

/** A line that ends with dots where it would be wider than it may be; what is cut off is shown to who points at it. */
export function cutLine(
  x: number,
  y: number,
  said: string,
  width: number,
  options: WordsOptions = {},
): Svg {
  const { size = 11, bold = false } = options
  if (widthOf(said, size, bold) <= width) return line(x, y, said, options)
  const fitting = Math.max(1, Math.floor(width / widthOf('x', size, bold)) - 1)
  const drawn = line(x, y, `${said.slice(0, fitting)}…`, options)
  return element('g', {}, element('title', {}, text(said)), drawn)
}

/** Breaks between words, so that no line is wider than it may be unless a single word is. */
export function wrapped(
  said: string,
  width: number,
  { size = 11, bold = false }: WordsOptions = {},
): readonly string[] {
  const lines: string[] = []
  // A sign stays with its number.
  for (const word of said.split(/ (?!%)/)) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && widthOf(longer, size, bold) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** As many digits as one can tell apart in a picture. */
export function figure(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.01) return value.toExponential(0)
  return Number(value.toPrecision(value >= 100 ? 3 : 2)).toLocaleString('en', {
    maximumFractionDigits: 3,
  })
}
