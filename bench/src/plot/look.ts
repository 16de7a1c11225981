/** Colours that carry on their own background, so a page around them may be light or dark. */
export const LOOK = {
  font: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif",
  background: '#ffffff',
  ink: '#212529',
  faint: '#5c636a',
  grid: '#dee2e6',
  ours: '#d9480f',
  bar: '#adb5bd',
  others: ['#1864ab', '#2b8a3e', '#862e9c', '#087f5b', '#a61e4d', '#5f3dc4', '#846358', '#495057'],
  dashes: [undefined, '7 3', '2 3', '9 3 2 3'],
} as const

/** How a name is drawn among others. */
export interface Stroke {
  readonly colour: string
  readonly dash: string | undefined
  readonly ours: boolean
}

export function isOurs(name: string): boolean {
  return /^@?hitbox\b/.test(name)
}

/** Ours all in one colour, apart by their dashes; each other one in a colour of its own. */
export function strokes(names: readonly string[]): readonly Stroke[] {
  let [ours, others] = [0, 0]
  return names.map((name) => {
    if (isOurs(name)) {
      ours += 1
      return { colour: LOOK.ours, dash: LOOK.dashes[(ours - 1) % LOOK.dashes.length], ours: true }
    }
    others += 1
    const colour = LOOK.others[(others - 1) % LOOK.others.length] as string
    return { colour, dash: undefined, ours: false }
  })
}
