import { turn } from './setup.ts'

/** Lets everything that is due run, and what that makes due. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await turn()
}

/** How a call has ended: its value, the code or message of its failure, or `'pending'` where it has not. */
export async function endOf(call: Promise<unknown>): Promise<unknown> {
  const ended = call.catch((error: Error & { readonly code?: string }) => {
    return error.code ?? error.message
  })
  return Promise.race([ended, settle().then(() => 'pending')])
}
