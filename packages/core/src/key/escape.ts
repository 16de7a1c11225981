/** What does not stay as it is inside a segment of a key's text, and inside a text as a whole. */
const IN_SEGMENT = /[^A-Za-z0-9\-_./@'+,;!$()]/gu
const IN_TEXT = /[^A-Za-z0-9\-_./@'+,;!$():=&]/gu
const ESCAPED = /%u[0-9A-F]{4}|(?:%[0-9A-F]{2})+/g

const ASCII = Array.from(
  { length: 0x80 },
  (_, code) => `%${code.toString(16).toUpperCase().padStart(2, '0')}`,
)

/** Percent-escapes one segment. Injective; lone surrogates become `%uXXXX`, since UTF-8 has no bytes for them. */
export function escapeSegment(segment: string): string {
  return segment.replace(IN_SEGMENT, escapeCharacter)
}

/** Percent-escapes a whole text, whose separators stay readable. Injective like {@link escapeSegment}. */
export function escapeText(text: string): string {
  return text.replace(IN_TEXT, escapeCharacter)
}

/** The reverse of both. Text that it did not write comes back with its bad escapes untouched. */
export function unescapeSegment(escaped: string): string {
  if (!escaped.includes('%')) return escaped
  return escaped.replace(ESCAPED, (run) => {
    if (run.startsWith('%u')) return String.fromCharCode(Number.parseInt(run.slice(2), 16))
    try {
      return decodeURIComponent(run)
    } catch {
      return run // not UTF-8, so not ours
    }
  })
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) as number
  if (code >= 0xd800 && code <= 0xdfff) return `%u${code.toString(16).toUpperCase()}`
  return ASCII[code] ?? encodeURIComponent(character)
}
