import type { BenchOptions } from '../contract.ts'
import { interleave, type Lane } from '../method/interleave.ts'
import type { Samples } from './samples-table.ts'

export interface LanesOfColumn {
  readonly title: string
  readonly lanes: readonly Lane[]
}

interface Measured {
  readonly columns: readonly { readonly title: string; readonly samples: Samples }[]
  /** Who gave up in which column, and why. */
  readonly notes: readonly string[]
}

/** Measures column by column: what is compared is measured at the same time. */
export async function measureColumns(
  about: string,
  columns: readonly LanesOfColumn[],
  options: BenchOptions,
): Promise<Measured> {
  const measured = []
  const notes = []
  for (const { title, lanes } of columns) {
    options.tell(`${about}: ${title}`)
    const { samples, failures } = await interleave(lanes, options.rounds)
    const first = [...samples].map(([name, [numbers = []]]) => [name, numbers] as const)
    measured.push({ title, samples: new Map(first) })
    for (const [name, why] of failures) notes.push(`${name}, ${title}: ${why}`)
  }
  return { columns: measured, notes }
}
