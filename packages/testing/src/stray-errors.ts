/** Collects what nobody handles, which would otherwise end the process. */
export interface StrayWatch {
  /** Resolves with what was left unhandled, after what is under way now had its chance to be. */
  stop(): Promise<readonly unknown[]>
}

export function watchStrays(): StrayWatch {
  const strays: unknown[] = []
  const collect = (error: unknown): void => void strays.push(error)
  process.on('unhandledRejection', collect)
  process.on('uncaughtException', collect)
  return {
    async stop() {
      // Rejections count as unhandled at the end of a turn of the event loop.
      for (let turn = 0; turn < 3; turn += 1) {
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
      }
      process.off('unhandledRejection', collect)
      process.off('uncaughtException', collect)
      return strays
    },
  }
}
