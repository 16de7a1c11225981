/**
 * What a fleet must cope with: refuses to start, crashes, or hangs, lies and stays.
 *
 * @param {import('@hitbox/testing').ProgramEnv} env
 * @returns {import('@hitbox/testing').ProgramUnderTest}
 */
export function start({ settings, load, deadlineMs }) {
  if (settings === 'refuse') throw new Error('the program refuses to start')
  if (settings === 'crash') {
    setTimeout(() => {
      throw new Error('the program crashes')
    }, 300)
  }
  // Keeps the process, as a timer does that nobody cancels.
  if (settings === 'linger') setInterval(() => {}, 1_000)
  let reads = 0
  return {
    async read(key) {
      reads += 1
      if (reads % 50 === 1) return new Promise(() => {})
      if (reads % 50 === 2) return undefined
      if (reads % 50 === 3) throw Object.assign(new Error('mine'), { code: 'MINE' })
      if (reads % 50 === 4) await new Promise((resolve) => setTimeout(resolve, deadlineMs + 50))
      return load(key)
    },
    async invalidate() {},
    async close() {},
  }
}
