import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type Deferred, deferred } from '@hitbox/testing'
import type { CacheProcessCalls, CacheProcessSettings } from '../../src/programs/cache-process.ts'
import type { MixedCalls, MixedSettings } from '../../src/programs/mixed-operations.ts'
import type { AnswerMessage, CallMessage } from '../../src/serve-calls.ts'
import { bundled } from './bundle.ts'

/** The programs of child processes: what each is set up with, and what it can be asked. */
interface Programs {
  readonly 'cache-process': {
    readonly settings: CacheProcessSettings
    readonly api: CacheProcessCalls
  }
  readonly 'mixed-operations': { readonly settings: MixedSettings; readonly api: MixedCalls }
}

type ArgsOf<Call> = Call extends (args: infer Args) => unknown ? Args : never
type AnswerOf<Call> = Call extends (args: never) => infer Answer ? Answer : never

/** A process that does what it is asked. */
export interface Child<Api> {
  readonly pid: number
  /** Rejects when the call failed there, or the process ended before. */
  ask<Name extends keyof Api & string>(
    name: Name,
    args: ArgsOf<Api[Name]>,
  ): Promise<AnswerOf<Api[Name]>>
  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void
  /** Asks it to close, and resolves with the exit code when it has ended by itself. */
  close(): Promise<number | null>
}

/** Starts processes of one program for tests, and ends those that are left. In each a rejection that nobody handles is fatal. */
export class Children<Name extends keyof Programs> {
  readonly #name: Name
  readonly #running = new Set<ChildProcess>()
  #program: Promise<string> | undefined

  constructor(name: Name) {
    this.#name = name
  }

  async start(settings: Programs[Name]['settings']): Promise<Child<Programs[Name]['api']>> {
    this.#program ??= bundled(this.#name)
    const child = fork(await this.#program, [JSON.stringify(settings)], {
      execArgv: ['--unhandled-rejections=strict', '--expose-gc'],
    })
    this.#running.add(child)
    const exited = once(child, 'exit').then(([code]) => {
      this.#running.delete(child)
      return code as number | null
    })
    const ready = deferred<unknown>()
    const waiting = new Map<number, Deferred<unknown>>([[0, ready]])
    child.on('message', (message: AnswerMessage) => {
      const call = waiting.get(message.id)
      waiting.delete(message.id)
      if ('answer' in message) call?.resolve(message.answer)
      else call?.reject(new Error(message.error))
    })
    void exited.then((code) => {
      for (const call of waiting.values()) call.reject(new Error(`the process ended: ${code}`))
    })
    await ready.promise
    let last = 0
    const ask = (name: string, args: unknown): Promise<never> => {
      const call = deferred<unknown>()
      last += 1
      waiting.set(last, call)
      child.send({ id: last, name, args } satisfies CallMessage)
      return call.promise as Promise<never>
    }
    return {
      pid: child.pid as number,
      ask,
      signal: (signal) => void child.kill(signal),
      async close() {
        await ask('close', null)
        return exited
      },
    }
  }

  async endAll(): Promise<void> {
    await Promise.all(
      [...this.#running].map((child) => {
        const exited = once(child, 'exit')
        child.kill('SIGKILL')
        return exited
      }),
    )
  }
}
