const MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const
const RLE_BLOCK = 1

/**
 * Checks that bytes are one Zstandard frame from its first to its last byte, by the lengths that its blocks declare.
 * `node:zlib` takes a cut frame for an empty or a shorter value, and stops silently at the end of the first frame.
 *
 * @throws Error when they are not.
 */
export function assertWholeZstdFrame(bytes: Uint8Array): void {
  if (!MAGIC.every((byte, at) => bytes[at] === byte))
    throw new Error('the bytes are no Zstandard frame')
  const descriptor = bytes[4] ?? 0
  let at = 5 + headerFieldsLength(descriptor)
  for (let last = false; !last;) {
    if (at + 3 > bytes.length) throw new Error('the Zstandard frame is cut')
    const head =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16)
    last = (head & 1) === 1
    at += 3 + (((head >> 1) & 3) === RLE_BLOCK ? 1 : head >> 3)
  }
  const checksum = (descriptor & 4) === 0 ? 0 : 4
  if (at + checksum === bytes.length) return
  throw new Error(
    at + checksum > bytes.length
      ? 'the Zstandard frame is cut'
      : 'there are bytes after the Zstandard frame',
  )
}

/** Window, dictionary and content size between the descriptor and the first block. */
function headerFieldsLength(descriptor: number): number {
  const isSingleSegment = (descriptor & 0x20) !== 0
  const window = isSingleSegment ? 0 : 1
  const dictionary = [0, 1, 2, 4][descriptor & 3] as number
  const contentSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number
  return window + dictionary + contentSize
}
