import { AsyncLocalStorage, createHook } from 'node:async_hooks'
import { type DurationInput, toDuration } from '@hitbox/core'
import { watchStrays } from './stray-errors.ts'
import { until } from './until.ts'

/** Options of {@link expectNoLeaks}. */
export interface NoLeaksOptions {
  /** How long what was closed may take to be gone. @defaultValue `'2s'` */
  readonly within?: DurationInput | undefined
}

/** Resources that are gone only when somebody lets go of them. */
const KINDS = new Set([
  'Timeout',
  'TCPWRAP',
  'TCPSERVERWRAP',
  'PIPEWRAP',
  'PIPESERVERWRAP',
  'TLSWRAP',
  'UDPWRAP',
  'PROCESSWRAP',
  'FSEVENTWRAP',
  'STATWATCHER',
  'WORKER',
])

/**
 * Runs something and asserts that it leaves nothing behind: no timer, socket, server, child process, worker or watcher that it
 * opened, whether it keeps the process alive or not; no listener on the process; no rejection or error that nobody handled.
 *
 * What native code opens by itself is not seen, unless it keeps the process alive.
 *
 * @returns what `run` returned.
 * @throws what `run` throws, or an error that names what is left.
 */
export async function expectNoLeaks<T>(
  run: () => T | Promise<T>,
  options: NoLeaksOptions = {},
): Promise<T> {
  const within = toDuration(options.within ?? '2s', 'within')
  const opened = new OpenResources()
  const strays = watchStrays()
  const active = tally(process.getActiveResourcesInfo())
  const listeners = listenerCounts()
  let result: T
  let left: readonly string[] = []
  let unhandled: readonly unknown[] = []
  try {
    result = await opened.track(run)
    await until(
      'everything is gone',
      () => {
        left = [
          ...opened.kinds(),
          ...excess(tally(process.getActiveResourcesInfo()), active),
          ...excess(listenerCounts(), listeners).map((name) => `listener on "${name}"`),
        ]
        return left.length === 0
      },
      { within },
    ).catch(() => {
      throw new Error(`left behind: ${[...new Set(left)].join(', ')}`)
    })
  } finally {
    opened.stop()
    unhandled = await strays.stop()
  }
  const [stray] = unhandled
  if (stray !== undefined) throw new Error('an error was left unhandled', { cause: stray })
  return result
}

/** Follows what is opened in one asynchronous context. */
class OpenResources {
  readonly #context = new AsyncLocalStorage<true>()
  readonly #open = new Map<number, string>()
  readonly #hook = createHook({
    init: (id, kind) => {
      if (KINDS.has(kind) && this.#context.getStore() === true) this.#open.set(id, kind)
    },
    destroy: (id) => void this.#open.delete(id),
  })

  async track<T>(run: () => T | Promise<T>): Promise<T> {
    this.#hook.enable()
    return this.#context.run(true, run)
  }

  kinds(): readonly string[] {
    return [...this.#open.values()]
  }

  stop(): void {
    this.#hook.disable()
  }
}

function tally(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

function listenerCounts(): ReadonlyMap<string, number> {
  const names = process.eventNames()
  return new Map(names.map((name) => [String(name), process.listenerCount(name)]))
}

/** Names that there are more of than before. */
function excess(
  after: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number>,
): readonly string[] {
  return Array.from(after)
    .filter(([name, count]) => count > (before.get(name) ?? 0))
    .map(([name]) => name)
}
