import type { Offload } from '@hitbox/core'
import { type Deferred, deferred, manualClock } from '@hitbox/testing'
import { describe, expect, it } from 'vitest'
import { offloadManager, type OffloadOptions, type OffloadStats } from '../src/index.ts'
import { turn } from './support/explore.ts'

/*
 * The scenarios of the offload of Hitbox for Rust, translated. There deduplication can be switched off, and tasks can have an explicit
 * id; here a task without a key is never a duplicate. A manager there has clones that share it; here it is one object. There a task that
 * panics or is cancelled keeps its key and its place until somebody cleans up; here both are free when it has ended, however.
 */

/** What happens: a task is registered as `kind key`, or one that was registered, counted from 0, ends. */
type Step =
  | { readonly register: string }
  | { readonly done: number }
  | { readonly fails: number }
  | { readonly passes: '1s' }
  | { readonly closes: true }

interface Row {
  readonly name: string
  readonly options?: OffloadOptions
  readonly steps: readonly Step[]
  /** Whether each task was taken. */
  readonly taken: readonly boolean[]
  /** Tasks that began, counted from 0, in their order. */
  readonly began: readonly number[]
  readonly stats: Partial<OffloadStats>
  /** `kind key` of what runs or waits at the end. */
  readonly inFlight: readonly string[]
}

const task = (register: string): Step => ({ register })

const ROWS: readonly Row[] = [
  {
    name: 'the same key and kind: once',
    steps: [task('refresh k'), task('refresh k'), task('refresh k')],
    taken: [true, false, false],
    began: [0],
    stats: { started: 1, deduplicated: 2, rejected: 0 },
    inFlight: ['refresh k'],
  },
  {
    name: 'the same key, another kind: both',
    steps: [task('refresh k'), task('refill k')],
    taken: [true, true],
    began: [0, 1],
    stats: { started: 2, deduplicated: 0 },
    inFlight: ['refresh k', 'refill k'],
  },
  {
    name: 'other keys: all',
    steps: [task('refresh a'), task('refresh b'), task('refresh ab')],
    taken: [true, true, true],
    began: [0, 1, 2],
    stats: { started: 3, deduplicated: 0 },
    inFlight: ['refresh a', 'refresh b', 'refresh ab'],
  },
  {
    name: 'without a key: none is a duplicate',
    steps: [task('race'), task('race'), task('race')],
    taken: [true, true, true],
    began: [0, 1, 2],
    stats: { started: 3, deduplicated: 0, active: 3 },
    inFlight: [],
  },
  {
    name: 'the same as one that waits for its turn',
    options: { maxConcurrent: 1 },
    steps: [task('refresh a'), task('refresh b'), task('refresh b')],
    taken: [true, true, false],
    began: [0],
    stats: { started: 1, deduplicated: 1, queued: 1 },
    inFlight: ['refresh a', 'refresh b'],
  },
  {
    name: 'a duplicate takes no place, neither to run nor to wait',
    options: { maxConcurrent: 1, maxQueued: 1 },
    steps: [task('refresh a'), task('refresh a'), task('refresh b'), task('refresh c')],
    taken: [true, false, true, false],
    began: [0],
    stats: { deduplicated: 1, rejected: 1, queued: 1 },
    inFlight: ['refresh a', 'refresh b'],
  },
  {
    name: 'again after it was done',
    steps: [task('refresh k'), { done: 0 }, task('refresh k')],
    taken: [true, true],
    began: [0, 1],
    stats: { started: 2, completed: 1, deduplicated: 0 },
    inFlight: ['refresh k'],
  },
  {
    name: 'again after it failed',
    steps: [task('refresh k'), { fails: 0 }, task('refresh k'), task('refresh k')],
    taken: [true, true, false],
    began: [0, 1],
    stats: { started: 2, failed: 1, deduplicated: 1 },
    inFlight: ['refresh k'],
  },
  {
    name: 'again after it ran out of time, though it goes on',
    options: { timeout: '1s' },
    steps: [task('refresh k'), { passes: '1s' }, task('refresh k')],
    taken: [true, true],
    began: [0, 1],
    stats: { started: 2, timedOut: 1, abandoned: 1 },
    inFlight: ['refresh k'],
  },
  {
    name: 'not while one that is only warned of goes on',
    options: { timeout: '1s', onTimeout: 'warn' },
    steps: [task('refresh k'), { passes: '1s' }, task('refresh k')],
    taken: [true, false],
    began: [0],
    stats: { started: 1, timedOut: 1, deduplicated: 1 },
    inFlight: ['refresh k'],
  },
  {
    name: 'one that ends makes room for the one that waits longest',
    options: { maxConcurrent: 2, maxQueued: 3 },
    steps: [
      task('refresh a'),
      task('refresh b'),
      task('refresh c'),
      task('refresh d'),
      { fails: 1 },
      { done: 2 },
    ],
    taken: [true, true, true, true],
    began: [0, 1, 2, 3],
    stats: { started: 4, completed: 1, failed: 1, queued: 0 },
    inFlight: ['refresh a', 'refresh d'],
  },
  {
    name: 'one that ends after its time has no effect on its successor',
    options: { timeout: '1s' },
    steps: [task('refresh k'), { passes: '1s' }, task('refresh k'), { done: 0 }, task('refresh k')],
    taken: [true, true, false],
    began: [0, 1],
    stats: { completed: 0, timedOut: 1, abandoned: 0, deduplicated: 1 },
    inFlight: ['refresh k'],
  },
  {
    name: 'nothing after it has been closed',
    options: { maxConcurrent: 1 },
    steps: [task('refresh a'), task('refresh b'), { closes: true }, task('refresh c')],
    taken: [true, true, false],
    began: [0],
    stats: { started: 1, rejected: 2, queued: 0 },
    inFlight: [],
  },
]

async function play({ options, steps, ...row }: Row): Promise<void> {
  const clock = manualClock()
  const manager = offloadManager({ ...options, clock })
  const offload: Offload = manager
  const ends: Deferred<void>[] = []
  const names: string[] = []
  const taken: boolean[] = []
  const began: number[] = []
  for (const step of steps) {
    if ('register' in step) {
      const [kind, key] = step.register.split(' ') as [string, string | undefined]
      const end = deferred()
      const index = ends.push(end) - 1
      names.push(step.register)
      const run = (): Promise<void> => {
        began.push(index)
        return end.promise
      }
      taken.push(offload.register({ kind, key, run }))
    } else if ('done' in step) ends[step.done]?.resolve()
    else if ('fails' in step) ends[step.fails]?.reject(new Error('no'))
    else if ('passes' in step) clock.advance(step.passes)
    else await manager.close()
    await turn()
  }
  const inFlight = [...new Set(names)].filter((name) => {
    const [kind, key] = name.split(' ') as [string, string | undefined]
    return key !== undefined && manager.isInFlight(key, kind)
  })
  expect({ taken, began, inFlight }).toEqual({
    taken: row.taken,
    began: row.began,
    inFlight: row.inFlight,
  })
  expect(manager.stats()).toMatchObject(row.stats)
  await manager.close()
}

describe('the offload takes', () => {
  it.each(ROWS.map((row) => [row.name, row] as const))('%s', (_, row) => play(row))
})
