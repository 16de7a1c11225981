/** Answers each message of the parent with what `answer` gives, or why it could not. */
export function answerMessages(answer: (question: unknown) => Promise<object>): void {
  process.on('message', (question) => {
    void answer(question)
      .catch((error: unknown) => ({
        failure: error instanceof Error ? error.message : String(error),
      }))
      .then((told) => process.send?.(told))
  })
}
