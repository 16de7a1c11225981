/** What a server answers. Errors inside arrays, as `EXEC` gives them, are `Error`s; an error as a whole rejects instead. */
export type Reply = string | number | null | Uint8Array | Error | readonly Reply[]

/** One word of a command. */
export type CommandWord = string | number | Uint8Array

const CR_LF = '\r\n'

/** A command as it goes over the wire. */
export function encodeCommand(words: readonly CommandWord[]): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(`*${words.length}${CR_LF}`)]
  for (const word of words) {
    const bytes = typeof word === 'object' ? word : Buffer.from(String(word))
    parts.push(Buffer.from(`$${bytes.length}${CR_LF}`), bytes, Buffer.from(CR_LF))
  }
  return Buffer.concat(parts)
}

/** A value read from the wire, and where the next one begins. */
interface Parsed {
  readonly value: Reply
  readonly end: number
}

/**
 * Reads RESP 2, in either direction, from chunks as they come.
 * Bulk strings are handed out as bytes; who wants text decodes.
 */
export class RespParser {
  #rest: Buffer = Buffer.alloc(0)

  /** @returns what became complete with this chunk. */
  push(chunk: Uint8Array): Reply[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk])
    const values: Reply[] = []
    let at = 0
    for (let next = this.#parse(at); next !== undefined; next = this.#parse(at)) {
      values.push(next.value)
      at = next.end
    }
    this.#rest = this.#rest.subarray(at)
    return values
  }

  #parse(at: number): Parsed | undefined {
    const lineEnd = this.#rest.indexOf(CR_LF, at)
    if (lineEnd === -1) return undefined
    const kind = String.fromCharCode(this.#rest[at] as number)
    const line = this.#rest.toString('utf8', at + 1, lineEnd)
    const end = lineEnd + CR_LF.length
    switch (kind) {
      case '+':
        return { value: line, end }
      case '-':
        return { value: new Error(line), end }
      case ':':
        return { value: Number(line), end }
      case '$':
        return this.#bulk(Number(line), end)
      case '*':
        return this.#array(Number(line), end)
      default:
        // Not RESP: an inline command, or rubbish. One line of it.
        return { value: kind + line, end }
    }
  }

  #bulk(length: number, at: number): Parsed | undefined {
    if (length < 0) return { value: null, end: at }
    const end = at + length + CR_LF.length
    if (this.#rest.length < end) return undefined
    return { value: Uint8Array.from(this.#rest.subarray(at, at + length)), end }
  }

  #array(length: number, at: number): Parsed | undefined {
    if (length < 0) return { value: null, end: at }
    const values: Reply[] = []
    let end = at
    for (let index = 0; index < length; index += 1) {
      const item = this.#parse(end)
      if (item === undefined) return undefined
      values.push(item.value)
      end = item.end
    }
    return { value: values, end }
  }
}

/** The same reply with text in place of bytes. */
export function replyText(reply: Reply): Reply {
  if (reply instanceof Uint8Array) return new TextDecoder().decode(reply)
  return Array.isArray(reply) ? (reply as readonly Reply[]).map(replyText) : reply
}
