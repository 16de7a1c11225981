/** A power of two. */
const MOST_REMEMBERED = 64
const LONGEST_REMEMBERED = 512

interface Remembered {
  readonly bytes: Uint8Array
  readonly tags: Readonly<Record<string, string>>
}

const decoder = new TextDecoder()
const encoder = new TextEncoder()
const written = new WeakMap<Readonly<Record<string, string>>, Uint8Array>()
const remembered: (Remembered | undefined)[] = Array.from({ length: MOST_REMEMBERED })

/** The part of an envelope that {@link readTags} reads. What is frozen, as entries of one namespace share it, is written once. */
export function writeTags(tags: Readonly<Record<string, string>>): Uint8Array {
  const known = written.get(tags)
  if (known !== undefined) return known
  const bytes = encoder.encode(JSON.stringify(tags))
  if (Object.isFrozen(tags)) written.set(tags, bytes)
  return bytes
}

/**
 * What the part of an envelope from `at` to `end` says. Entries of one namespace carry the same versions, most of them byte by byte: these share one
 * frozen object, read once, where it would cost a third of opening the envelope and be kept with each entry.
 *
 * @returns `null` when the bytes are not what {@link sealEnvelope} writes.
 */
export function readTags(
  bytes: Uint8Array,
  at: number,
  end: number,
): Readonly<Record<string, string>> | null {
  const length = end - at
  if (length > LONGEST_REMEMBERED) return parsed(bytes.subarray(at, end))
  // Versions are random, and near the end.
  const slot = ((bytes[end - 4] ?? 0) + 7 * (bytes[end - 5] ?? 0)) & (MOST_REMEMBERED - 1)
  const known = remembered[slot]
  if (known?.bytes.length === length && isAt(bytes, at, known.bytes)) return known.tags
  const own = bytes.slice(at, end)
  const tags = parsed(own)
  if (tags !== null) remembered[slot] = { bytes: own, tags }
  return tags
}

function parsed(bytes: Uint8Array): Readonly<Record<string, string>> | null {
  try {
    const tags: unknown = JSON.parse(decoder.decode(bytes))
    return typeof tags === 'object' ? Object.freeze(tags as Record<string, string> | null) : null
  } catch {
    return null // sealed by something that is not this program
  }
}

function isAt(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let index = 0; index < part.length; index += 1) {
    if (bytes[at + index] !== part[index]) return false
  }
  return true
}
