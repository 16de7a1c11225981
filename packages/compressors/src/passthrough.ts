export { identityCompressor as passthrough } from '@hitbox/core'
