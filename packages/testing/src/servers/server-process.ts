import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'

/**
 * Runs the server, tells its process id, and ends like it does. A second process waits for the end of its own standard input,
 * which comes when this process is gone, however it went: then it kills the server. The first one stays until the server is
 * gone, so that nobody is left a zombie, and removes the folder when it was left alone.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- >"$SERVER_LOG" 2>&1 &
server=$!
echo "$server"
exec >&-
{ read -r _ <&3; : >"$SERVER_FOLDER/alone"; kill -9 "$server"; } 2>/dev/null &
guard=$!
exec 3<&-
wait "$server"
code=$?
[ -e "$SERVER_FOLDER/alone" ] && rm -rf "$SERVER_FOLDER"
kill -9 "$guard" 2>/dev/null
exit "$code"
`

/** A server that cannot outlive this process, and does not keep it alive. */
export class ServerProcess {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  readonly #log: string

  private constructor(child: ChildProcess, exit: Promise<unknown>, pid: number, log: string) {
    this.#child = child
    this.#exit = exit
    this.pid = pid
    this.#log = log
  }

  /** @param folder - Working directory of the server, removed should this process die. */
  static async start(command: readonly string[], folder: string): Promise<ServerProcess> {
    const log = join(folder, 'server.log')
    const child = spawn('/bin/sh', ['-c', GUARD, 'sh', ...command], {
      cwd: folder,
      env: { ...process.env, SERVER_LOG: log, SERVER_FOLDER: folder },
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    const exit = once(child, 'exit')
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    child.stdout.destroy()
    child.unref()
    ;(child.stdin as Socket).unref()
    return new ServerProcess(child, exit, Number(line.toString()), log)
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Does nothing to a process that is gone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.running) return
    try {
      process.kill(this.pid, signal)
    } catch {
      // Gone this moment.
    }
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (!this.running) return
    this.#child.ref()
    // A paused process takes no other signal than SIGKILL before it goes on.
    this.signal(signal)
    this.signal('SIGCONT')
    await this.#exit
  }

  /** Everything the server wrote. */
  async log(): Promise<string> {
    return readFile(this.#log, 'utf8').catch(() => '')
  }
}
