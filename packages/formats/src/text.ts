// `isWellFormed` is in Node.js 20 and not yet in the ES2023 library of TypeScript.
interface WellFormed {
  isWellFormed(): boolean
}

/**
 * Whether UTF-8 codecs give the text back: no lone surrogate (they have no UTF-8), and no byte order mark in front
 * (decoders swallow it).
 */
export function isUtf8Safe(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed() && text.charCodeAt(0) !== 0xfeff
}
