/**
 * No cache at all: right by construction, so whoever finds fault with it is wrong.
 *
 * @param {import('@hitbox/testing').ProgramEnv} env
 * @returns {import('@hitbox/testing').ProgramUnderTest}
 */
export function start({ load, deadlineMs }) {
  let reads = 0
  const read = (key) => {
    reads += 1
    return load(key, AbortSignal.timeout(deadlineMs))
  }
  return {
    read,
    readMany: (keys) => Promise.all(keys.map(read)),
    async invalidate() {},
    async invalidateTag() {},
    async set() {},
    async expire() {},
    async close() {},
    stats: () => ({ reads }),
  }
}
