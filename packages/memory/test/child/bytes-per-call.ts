import { type EvictionPolicy, memoryBackend } from '../../src/index.ts'

/** Run by plain Node with `--expose-gc` and a young generation that holds all that a run could allocate. */
const CALLS = 200_000
const { gc: collect } = globalThis as unknown as { gc: (this: void) => void }

/** Bytes of heap that one call takes, once it has been compiled. */
function bytesPerCall(call: (index: number) => unknown): number {
  const results: number[] = []
  for (let round = 0; round < 40; round += 1) {
    collect()
    let found = 0
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < CALLS; index += 1) if (call(index) !== undefined) found += 1
    const after = process.memoryUsage().heapUsed
    if (found !== CALLS) throw new Error('a call found nothing')
    results.push((after - before) / CALLS)
  }
  // The compiler works beside us and allocates too: the least is what the call needs.
  return Math.min(...results)
}

const eviction = process.argv[3] as EvictionPolicy | undefined
const memory = memoryBackend({ maxEntries: 1_000, eviction })
const keys = Array.from({ length: 1_000 }, (_, index) => `key:${index}`)
const endsAt = performance.timeOrigin + performance.now() + 3_600_000
for (const key of keys) memory.set(key, { data: { key }, staleAt: endsAt, expiresAt: endsAt })
const kept: unknown[] = []

const calls: Record<string, (index: number) => unknown> = {
  object: (index) => (kept[index % 1_000] = { index }),
  get: (index) => memory.get(keys[index % 1_000] as string),
  hit: (index) => memory.hit(keys[index % 1_000] as string),
  peek: (index) => memory.peek(keys[index % 1_000] as string),
}
process.stdout.write(String(bytesPerCall(calls[process.argv[2] as string] as () => unknown)))
