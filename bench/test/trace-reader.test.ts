import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readTrace } from '../src/trace/read-trace.ts'
import { traceFormat } from '../src/trace/trace-format.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-trace-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, content)
  return file
}

const u32 = (...keys: number[]) => new Uint8Array(Uint32Array.from(keys).buffer)
const u64 = (...keys: bigint[]) => new Uint8Array(BigUint64Array.from(keys).buffer)

async function requestsOf(name: string, content: string | Uint8Array): Promise<number[]> {
  return [...(await readTrace(await written(name, content))).requests]
}

describe('readTrace', () => {
  it('reads a key per line, with or without an end of the last line', async () => {
    const trace = await readTrace(await written('a.txt', 'x\ny\nx\nz z\n'))
    expect(trace).toEqual({ name: 'a.txt', requests: Uint32Array.of(0, 1, 0, 2), unique: 3 })
    expect(await requestsOf('b.txt', 'x\ny\nx')).toEqual([0, 1, 0])
  })

  it('takes lines of other systems for the same keys, and empty lines for none', async () => {
    expect(await requestsOf('c.txt', 'x\r\n\r\ny\nx\n\n')).toEqual([0, 1, 0])
  })

  it('reads integers of 32 bits', async () => {
    expect(await requestsOf('a.u32', u32(7, 4_294_967_295, 7))).toEqual([0, 1, 0])
  })

  it('reads integers of 64 bits, and tells those apart that are no exact number', async () => {
    const large = 2n ** 60n
    expect(await requestsOf('a.u64', u64(7n, large, large + 1n, 7n, large))).toEqual([
      0, 1, 2, 0, 1,
    ])
    // Their lower halves are the same.
    expect(await requestsOf('b.u64', u64(5n, 2n ** 32n + 5n, 2n ** 53n + 5n, 5n))).toEqual([
      0, 1, 2, 0,
    ])
  })

  it('reads integers that lie across the pieces of a stream', async () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => BigInt(index % 30_011))
    const bytes = new Uint8Array(8 * keys.length)
    bytes.set(u64(...keys.slice(0, 25_000)))
    bytes.set(u64(...keys.slice(25_000)), 8 * 25_000)
    const { requests, unique } = await readTrace(await written('large.u64', bytes))
    expect(unique).toBe(30_011)
    expect(requests.every((request, at) => request === at % 30_011)).toBe(true)
  })

  it('reads an empty file as no requests', async () => {
    for (const name of ['empty.txt', 'empty.u32', 'empty.u64', 'empty']) {
      expect(await readTrace(await written(name, ''))).toEqual({
        name,
        requests: new Uint32Array(0),
        unique: 0,
      })
    }
  })

  it('refuses a file that ends within an integer, and says by how much', async () => {
    await expect(requestsOf('cut.u32', u32(1, 2).subarray(0, 7))).rejects.toThrow(
      'the trace "cut.u32" must be a whole number of 32-bit integers, but 3 bytes are left over at its end',
    )
    await expect(requestsOf('cut.u64', u64(1n, 2n).subarray(0, 9))).rejects.toThrow(
      '64-bit integers, but 1 bytes are left over',
    )
  })
})

describe('traceFormat', () => {
  it('goes by the content where the name says nothing', async () => {
    expect(await traceFormat(await written('t.log', 'GET /ä\tb\r\n'))).toBe('text')
    expect(await traceFormat(await written('narrow.bin', u32(1, 2, 3, 4)))).toBe('u32')
    expect(await traceFormat(await written('wide.bin', u64(1n, 2n, 3n)))).toBe('u64')
  })
})
