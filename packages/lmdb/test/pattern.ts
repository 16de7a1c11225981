/** A value that shows whether it is whole: what it says of itself decides all of its text, which is long for some. */
export function pattern(
  writer: string,
  turn: number,
): { writer: string; turn: number; text: string } {
  const length = turn % 5 === 0 ? 20_000 : 50 + (turn % 300)
  return { writer, turn, text: `${writer}-${turn};`.repeat(Math.ceil(length / 10)) }
}
