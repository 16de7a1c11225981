export { cbor } from './cbor.ts'
export { json } from './json.ts'
export { v8 } from './v8.ts'
