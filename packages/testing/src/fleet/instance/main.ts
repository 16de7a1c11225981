// What a fleet starts as a process of its own: does what it is told over the channel that `fork` gives, and ends with it.
import { machineTime } from '../../history/machine-time.ts'
import type { ToInstance } from '../messages.ts'
import { Instance } from './instance.ts'
import { send } from './outbox.ts'

let instance: Instance | undefined
let isDone = false

process.on('message', (message: ToInstance) => void obey(message))
// The fleet is gone without a word: nobody would end this process otherwise.
process.on('disconnect', () => {
  if (!isDone) process.exit(1)
})

async function obey(message: ToInstance): Promise<void> {
  switch (message.type) {
    case 'prepare':
      try {
        instance = await Instance.start(message.config)
        await send({ type: 'ready' })
      } catch (error) {
        await send({ type: 'failed', message: String((error as Error)?.stack ?? error) })
        process.exit(1)
      }
      return
    case 'go':
      instance?.go(message.startedAt)
      return
    case 'block-loop':
      block(message.forMs)
      return
    case 'hang-loader':
      instance?.hangLoader(message.loads, message.forMs ?? Number.POSITIVE_INFINITY)
      return
    case 'stop':
      await instance?.stop()
      isDone = true
      // From here on only the program can keep the process.
      process.disconnect()
      return
    default:
      throw new Error(`no such message: ${String(message satisfies never)}`)
  }
}

function block(forMs: number): void {
  const end = machineTime() + forMs
  while (machineTime() < end);
}
