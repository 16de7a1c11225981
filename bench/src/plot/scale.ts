/** Puts values onto a line of pixels. */
export interface Scale {
  readonly place: (value: number) => number
  /** Values worth a line and a number. */
  readonly ticks: readonly number[]
}

export type Range = readonly [from: number, to: number]

/** Equal lengths for equal ratios. Values at or below zero go to where the line begins. */
export function logScale(domain: Range, range: Range): Scale {
  const [low, high] = [Math.log(domain[0]), Math.log(Math.max(domain[1], domain[0] * 1.1))]
  return {
    place: (value) => {
      const share = (Math.log(Math.max(value, domain[0])) - low) / (high - low)
      return range[0] + share * (range[1] - range[0])
    },
    ticks: logTicks(domain),
  }
}

/** Equal lengths for equal differences, from zero on. */
export function linearScale(most: number, range: Range): Scale {
  const step = niceStep(most / 5)
  return {
    place: (value) => range[0] + (value / most) * (range[1] - range[0]),
    ticks: Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => index * step),
  }
}

function logTicks([from, to]: Range): readonly number[] {
  const decades = Math.log10(to / from)
  const digits = decades < 1 ? [1, 1.5, 2, 3, 5, 7] : decades < 2.5 ? [1, 2, 5] : [1]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    for (const digit of digits) {
      const tick = Number((digit * 10 ** power).toPrecision(3))
      if (tick >= from && tick <= to) ticks.push(tick)
    }
  }
  return ticks
}

function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5, 10].find((digit) => digit * power >= least) ?? 10)
}
