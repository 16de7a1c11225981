import type { StoreKey } from '@hitbox/core'
import type { Audience } from '../coherence/audience.ts'
import { change } from '../coherence/change.ts'
import { replyCode } from '../failure.ts'
import type { Reply, Session, Word } from '../session.ts'
import { word } from '../words.ts'
import type { Script } from './scripts.ts'

/** A script that is to be run on one key. */
export interface ScriptCall {
  readonly script: Script
  readonly key: StoreKey
  readonly args: readonly Word[]
}

/** Runs a script by its name, and in full where the server does not know it yet. @param audience - Who is to learn of what it changes. */
export async function runScript(
  session: Session,
  { script, key, args }: ScriptCall,
  audience: Audience,
): Promise<Reply> {
  const run = async (...begin: readonly Word[]): Promise<Reply> => {
    const commands = [[...begin, '1', word(key), ...args]]
    const [reply] = await change(session, { key, commands, whole: false }, audience)
    return reply as Reply
  }
  try {
    return await run('EVALSHA', script.sha)
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error
    return run('EVAL', script.text)
  }
}
