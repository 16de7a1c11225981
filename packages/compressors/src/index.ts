export { passthrough } from './passthrough.ts'
