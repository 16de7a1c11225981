import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

/** A process of this program that serves HTTP. */
export interface Child<Report> {
  readonly port: number
  /** Ends it. @returns what it has to tell. */
  stop(): Promise<Report>
}

/** Starts one of the programs beside this file. It ends with this process. */
export async function startChild<Report>(file: string, settings: object): Promise<Child<Report>> {
  const child = fork(join(import.meta.dirname, file), [JSON.stringify(settings)])
  const told = async (): Promise<unknown> => {
    const over = new AbortController()
    const ended = once(child, 'exit', { signal: over.signal }).then(([code]) => {
      throw new Error(`${file} ended with ${String(code)}`)
    })
    const message = once(child, 'message', { signal: over.signal }).then(([first]) => first)
    ended.catch(() => {})
    message.catch(() => {})
    return Promise.race([message, ended]).finally(() => over.abort())
  }
  const { port } = (await told()) as { port: number }
  return {
    port,
    stop: async () => {
      child.send('stop')
      const report = (await told()) as Report
      await once(child, 'exit')
      return report
    },
  }
}

/** What such a program was started with. */
export function ownSettings(): unknown {
  return JSON.parse(process.argv[2] as string)
}

/** Serves until the process that started this one says stop, or is gone. */
export async function serveParent(server: Server, close: () => Promise<object>): Promise<void> {
  process.once('disconnect', () => process.exit())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send?.({ port: (server.address() as AddressInfo).port })
  await once(process, 'message')
  server.close()
  server.closeAllConnections()
  process.send?.(await close(), () => process.disconnect())
}
