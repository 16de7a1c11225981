import { open } from 'node:fs/promises'

/** How a trace is written: a key per line, or little-endian integers of 32 or 64 bits. */
export type TraceFormat = 'text' | 'u32' | 'u64'

const SAMPLE_BYTES = 65_536

/**
 * Tells the format of a file by its name (`.u32`, `.u64`, `.txt`), and of other names by the first 64 KB: text has no control characters
 * but tabs and ends of lines. Of integers, 64 bits are those whose upper halves are all zero, as counters and ids below 2^32
 * are. Anything else is 32 bits; name a file of large 64-bit integers `.u64`.
 */
export async function traceFormat(file: string): Promise<TraceFormat> {
  if (file.endsWith('.u32')) return 'u32'
  if (file.endsWith('.u64')) return 'u64'
  if (file.endsWith('.txt')) return 'text'
  const sample = await firstBytes(file)
  if (!sample.some(isControl)) return 'text'
  return hasEmptyUpperHalves(sample) ? 'u64' : 'u32'
}

async function firstBytes(file: string): Promise<Uint8Array> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(
      new Uint8Array(SAMPLE_BYTES),
      0,
      SAMPLE_BYTES,
      0,
    )
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

function isControl(byte: number): boolean {
  return byte < 32 && byte !== 9 && byte !== 10 && byte !== 13
}

function hasEmptyUpperHalves(sample: Uint8Array): boolean {
  const view = new DataView(sample.buffer, sample.byteOffset, sample.byteLength)
  if (view.byteLength < 8) return false
  for (let at = 0; at + 8 <= view.byteLength; at += 8) {
    if (view.getUint32(at + 4, true) !== 0) return false
  }
  return true
}
