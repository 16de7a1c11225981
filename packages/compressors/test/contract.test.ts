import { casesFor, compressorContract, type CompressorSubject } from '@hitbox/testing'
import { describe, it } from 'vitest'
import { EVERY } from './every.ts'

describe.each(EVERY)('contract of $name', ({ name, compressor }) => {
  const leavesBytes = 'leaves bytes as they are'
  const capabilities: CompressorSubject['capabilities'] =
    name === 'passthrough'
      ? { shrinks: leavesBytes, bounded: leavesBytes, noticesCuts: leavesBytes }
      : { shrinks: true, bounded: true, noticesCuts: true }
  const subject = { compressor, capabilities }
  for (const promise of casesFor(compressorContract, subject)) {
    it(`${promise.id} ${promise.title}`, () => promise.run(subject))
  }
})
