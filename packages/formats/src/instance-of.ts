/** Says of which class an object is, for an error. */
export function instanceOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'an object without prototype'
  const maker: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  const name = typeof maker === 'function' ? maker.name.slice(0, 60) : ''
  return name === '' ? 'an instance of a class' : `an instance of class ${name}`
}

/**
 * Whether an object comes straight from a built-in class, of this realm or of another one (`node:vm`, test runners), and not from a
 * class that extends it: then its chain of prototypes is longer.
 */
export function isDirectInstance(value: object, builtIn: { readonly prototype: unknown }): boolean {
  let prototype: unknown = Object.getPrototypeOf(value)
  let expected = builtIn.prototype
  while (prototype !== expected && prototype !== null && expected !== null) {
    prototype = Object.getPrototypeOf(prototype)
    expected = Object.getPrototypeOf(expected)
  }
  return prototype === expected
}

/** Whether it is an object made by `{}`, here or in another realm. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return true
  return (
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype as object, 'isPrototypeOf')
  )
}
