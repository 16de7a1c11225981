/** A piece of SVG that is safe to put into another. */
export type Svg = string & { readonly svg: unique symbol }

type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element with attributes and children; what is not there is left out, and coordinates are rounded to a tenth. */
export function element(
  name: string,
  attributes: Attributes,
  ...children: readonly (Svg | undefined)[]
): Svg {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(attributeText(value))}"`)
    .join('')
  const content = children.filter((child) => child !== undefined).join('')
  return (
    content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`
  ) as Svg
}

/** Words that somebody else has chosen, such as the name of a contender or of a file. */
export function text(words: string): Svg {
  return escaped(words) as Svg
}

/** Moves a piece to where it belongs. */
export function at(x: number, y: number, ...children: readonly (Svg | undefined)[]): Svg {
  return element('g', { transform: `translate(${rounded(x)} ${rounded(y)})` }, ...children)
}

/** How wide a text is about; a little more than it is in most fonts. */
export function widthOf(words: string, fontSize: number, bold = false): number {
  return words.length * fontSize * (bold ? 0.67 : 0.6)
}

function attributeText(value: string | number | undefined): string {
  return typeof value === 'number' ? rounded(value) : String(value)
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

function escaped(words: string): string {
  return (
    words
      // XML has no way to write these, not even escaped.
      // oxlint-disable-next-line no-control-regex
      .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, '\uFFFD')
      .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string)
  )
}
