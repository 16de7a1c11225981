/** What does what can be asked of a process: by name, with arguments and answers that are JSON. */
export type Handlers<Api> = {
  readonly [Name in keyof Api]: Api[Name] extends (args: infer Args) => infer Answer
    ? (args: Args) => Promise<Answer>
    : never
}

/** One call, as it is sent to the process. */
export interface CallMessage {
  readonly id: number
  readonly name: string
  readonly args: unknown
}

/** Its answer. The first one, of no call, says that the process is ready. */
export type AnswerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string }

/** Does what the parent of this process asks, until `close` was done; then nothing of it keeps the process. */
export function serveCalls<Api extends { readonly close: (args: never) => unknown }>(
  handlers: Handlers<Api>,
): void {
  const byName = handlers as Readonly<Record<string, (args: unknown) => Promise<unknown>>>
  // A parent that is gone is told nothing.
  const tell = (message: AnswerMessage): void => void process.send?.(message, () => {})
  process.on('message', ({ id, name, args }: CallMessage) => {
    const handler = byName[name]
    if (handler === undefined) {
      tell({ id, error: `nothing is called ${name}` })
      return
    }
    handler(args).then(
      (answer) => {
        tell({ id, answer })
        if (name === 'close') process.disconnect()
      },
      (error: unknown) => tell({ id, error: String(error) }),
    )
  })
  tell({ id: 0, answer: 'ready' })
}
