/** Says of which class an object is, for an error. */
export function instanceOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'an object without prototype'
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  const name = typeof maker === 'function' ? maker.name.slice(0, 60) : ''
  return name === '' ? 'an instance of a class' : `an instance of class ${name}`
}
