import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { type Trace, TraceBuilder } from './trace.ts'
import { type TraceFormat, traceFormat } from './trace-format.ts'

/**
 * Reads the trace in a file as a stream, so a file may be larger than memory as long as its requests, at 4 bytes each, are not.
 *
 * In text every line that is not empty is a key. {@link traceFormat} says how the format is told.
 *
 * @throws Error when a file of integers ends within one.
 */
export async function readTrace(file: string, format?: TraceFormat): Promise<Trace> {
  const name = basename(file)
  const written = format ?? (await traceFormat(file))
  if (written === 'text') return readText(file, name)
  return readIntegers(file, name, written === 'u32' ? 4 : 8)
}

async function readText(file: string, name: string): Promise<Trace> {
  const builder = new TraceBuilder<string>()
  const lines = createInterface({
    input: createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  })
  for await (const line of lines) if (line !== '') builder.add(line)
  return builder.build(name)
}

async function readIntegers(file: string, name: string, width: 4 | 8): Promise<Trace> {
  const builder = new TraceBuilder<number | bigint>()
  let rest: Uint8Array = new Uint8Array(0)
  for await (const chunk of createReadStream(file)) {
    const bytes = joined(rest, chunk as Uint8Array)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const whole = bytes.length - (bytes.length % width)
    for (let at = 0; at < whole; at += width) builder.add(integerAt(view, at, width))
    // A copy, since a stream may use the memory of its chunk again.
    rest = bytes.slice(whole)
  }
  if (rest.length === 0) return builder.build(name)
  throw new Error(
    `the trace "${name}" must be a whole number of ${width * 8}-bit integers, but ${rest.length} bytes are left over at its end`,
  )
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/** As a number where it is exact, which is much faster to look up than a bigint. */
function integerAt(view: DataView, at: number, width: 4 | 8): number | bigint {
  const low = view.getUint32(at, true)
  if (width === 4) return low
  const high = view.getUint32(at + 4, true)
  return high < 0x20_00_00 ? high * 4_294_967_296 + low : view.getBigUint64(at, true)
}
