import { entrants, wanted } from '../arena.ts'
import type { BenchCase } from '../contract.ts'
import { startProgram } from '../method/run-program.ts'
import type { HeapAnswer, HeapQuestion } from '../programs/heap-process.ts'
import { loadContenders } from '../registry.ts'
import { samplesTable } from '../report/samples-table.ts'

/** An object of one number, so that nearly all of an entry is what the contender adds. */
const COLUMN = 'object of one number'

export const heap: BenchCase = {
  name: 'heap',
  title: 'Heap per entry',
  run: async (options) => {
    const entries = options.quick ? 50_000 : 1_000_000
    const who = entrants(await loadContenders(), ['memory'], options)
    const notes = [
      'Heap and buffers after four collections, keys and values included, each contender in a process of its own. Once each: the same program takes the same.',
    ]
    const samples = new Map<string, number[]>()
    for (const entrant of who) {
      const { label } = entrant
      options.tell(`heap: ${label}`)
      await using program = startProgram('heap-process', {
        execArgv: ['--expose-gc', '--max-old-space-size=8192'],
        timeoutMs: 300_000,
      })
      try {
        const question: HeapQuestion = { wanted: wanted(entrant), entries }
        const { bytesPerEntry } = await program.ask<HeapAnswer>(question)
        samples.set(label, [bytesPerEntry])
      } catch (error) {
        notes.push(`${label}: ${String(error)}`)
      }
    }
    return [
      samplesTable({
        title: `Heap per entry, ${entries.toLocaleString('en')} entries`,
        unit: 'bytes',
        base: 'lru-cache',
        rows: who.map(({ label }) => label),
        columns: [{ title: COLUMN, samples }],
        notes,
      }),
    ]
  },
}
