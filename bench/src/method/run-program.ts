import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** What a program tells, or why it could not. */
type Told<T> = T | { readonly failure: string }

/** A program of `programs/` in a process of its own, that takes messages and answers each with one. */
export interface Program extends AsyncDisposable {
  ask<T>(question: object): Promise<T>
}

export interface ProgramOptions {
  readonly execArgv?: readonly string[]
  /** Longest for one answer. */
  readonly timeoutMs: number
}

/** The last of what a program that broke has said. */
const KEPT_CHARACTERS = 4_000

/** What it prints is not shown; of what it says on stderr, the error that ended it is told. */
export function startProgram(name: string, { execArgv = [], timeoutMs }: ProgramOptions): Program {
  const child = fork(join(import.meta.dirname, '..', 'programs', `${name}.js`), {
    execArgv: [...execArgv],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS)
  })
  return {
    ask: async <T>(question: object) => {
      const answer = answerOf<Told<T>>(child, timeoutMs, () => reasonIn(said))
      child.send(question)
      const told = await answer
      if (typeof told === 'object' && told !== null && 'failure' in told) {
        throw new Error(told.failure)
      }
      return told as T
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function answerOf<T>(
  child: ChildProcess,
  timeoutMs: number,
  reason: () => string,
): Promise<T> {
  const over = new AbortController()
  const { signal } = over
  let late = false
  const timer = setTimeout(() => {
    late = true
    over.abort()
  }, timeoutMs)
  try {
    const ended = once(child, 'close', { signal }).then(([code, killedBy]) => {
      throw new Error(`its process ended (${String(code ?? killedBy)}): ${reason()}`)
    })
    const [answer] = (await Promise.race([once(child, 'message', { signal }), ended])) as [T]
    return answer
  } catch (error) {
    throw late ? new Error(`no answer within ${timeoutMs / 1_000} s`, { cause: error }) : error
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}

/** Of the trace that Node prints when nobody caught an error, the line that says which. */
function reasonIn(said: string): string {
  return said.split('\n').find((line) => /^\w*Error\b/.test(line)) ?? 'it said nothing'
}
