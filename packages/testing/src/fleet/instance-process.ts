import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FromInstance, InstanceConfig, ToInstance } from './messages.ts'

/**
 * The built program of an instance, whether this file runs from its source, as under a test runner, or built: Node 20 runs
 * JavaScript only, and both are two folders below the package.
 */
const MAIN = fileURLToPath(new URL('../../dist/fleet/instance/main.js', import.meta.url))

/** How a process ended. */
export interface InstanceEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last it wrote to its error output. */
  readonly said: string
}

/** The last of what a process says is enough to know why it ended. */
const KEPT_CHARACTERS = 4_000

/** One process that is or will be an instance, in one of its lives. */
export class InstanceProcess {
  readonly ended: Promise<InstanceEnd>
  readonly #child: ChildProcess
  readonly #listener: (message: FromInstance) => void

  constructor(listener: (message: FromInstance) => void) {
    this.#listener = listener
    const { NODE_OPTIONS: _options, ...env } = process.env
    this.#child = fork(MAIN, [], {
      // Neither the loaders nor the conditions of the process that runs the fleet.
      execArgv: ['--unhandled-rejections=strict', '--enable-source-maps'],
      env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let said = ''
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-KEPT_CHARACTERS)
    })
    this.#child.on('message', (message) => this.#listener(message as FromInstance))
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal, said }))
      this.#child.once('error', (error) =>
        resolve({ code: null, signal: null, said: String(error) }),
      )
    })
  }

  prepare(config: InstanceConfig): void {
    this.tell({ type: 'prepare', config })
  }

  /** Does nothing to a process that is gone. */
  tell(message: ToInstance): void {
    // What cannot be sent is a process that ends this moment, which is told by `ended`.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  /** Does nothing to a process that is gone. */
  signal(signal: NodeJS.Signals): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill(signal)
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.ended
  }
}
