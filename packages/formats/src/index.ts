export { cbor } from './cbor.ts'
export { json } from './json.ts'
