import type { Svg } from './svg.ts'

/** A drawing of a known size, whose upper left corner is at 0, 0. */
export interface Panel {
  readonly width: number
  readonly height: number
  readonly svg: Svg
}

export const PAGE_WIDTH = 1_180
export const GAP = 28
