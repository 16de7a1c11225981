/** What a server said of itself when a connection to it was made. */
export interface SessionFacts {
  /** Which process it is; `undefined` when it does not say. */
  readonly runId: string | undefined
  /** By which it knows the connection. */
  readonly clientId: number | undefined
  /** Whether it takes writes, as far as it says. */
  readonly primary: boolean
  /** Which memory it has: changes when what was acknowledged may be lost. Eight bytes, zeros when it does not say. */
  readonly epoch: Uint8Array
  /** {@link SessionFacts.epoch} as text; `undefined` when it does not say. */
  readonly epochText: string | undefined
}

const EPOCH_BYTES = 8

export const NO_FACTS: SessionFacts = Object.freeze({
  runId: undefined,
  clientId: undefined,
  primary: true,
  epoch: new Uint8Array(EPOCH_BYTES),
  epochText: undefined,
})

/** What `INFO server`, `INFO replication` and `CLIENT ID` answered; `undefined` for what was refused. */
export function factsOf(server: unknown, replication: unknown, id: unknown): SessionFacts {
  const { primary, epochText } = memoryOf(replication) ?? NO_FACTS
  return {
    runId: /^run_id:(\w+)/m.exec(textOf(server))?.[1],
    clientId: typeof id === 'number' ? id : undefined,
    primary,
    epoch: epochText === undefined ? NO_FACTS.epoch : Buffer.from(epochText, 'hex'),
    epochText,
  }
}

/** What `INFO replication` answered; `undefined` when it was refused. */
export function memoryOf(
  replication: unknown,
): Pick<SessionFacts, 'primary' | 'epochText'> | undefined {
  const text = textOf(replication)
  if (text === '') return undefined
  const epoch = /^master_replid:([0-9a-f]{16})/m.exec(text)?.[1]
  return {
    primary: !/^role:slave/m.test(text),
    epochText: epoch === undefined || /^0*$/.test(epoch) ? undefined : epoch,
  }
}

function textOf(reply: unknown): string {
  return typeof reply === 'string' || Buffer.isBuffer(reply) ? String(reply) : ''
}
