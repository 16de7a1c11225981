import assert from 'node:assert/strict'
import type { CacheValue, ItemResult } from '@hitbox/core'
import type { Scene } from '../scene.ts'

/** What a batch of reads found, `undefined` for a miss; asserts that no item failed. */
export function dataOf(results: readonly ItemResult<CacheValue<unknown> | undefined>[]): unknown[] {
  return results.map((result) => {
    assert.ok(result.ok, 'an item failed')
    return result.value?.data
  })
}

export function allWell(results: readonly ItemResult<unknown>[], count: number): void {
  assert.equal(results.length, count)
  assert.ok(
    results.every(({ ok }) => ok),
    'an item failed',
  )
}

export const codeOf = (result: ItemResult<unknown> | undefined): unknown =>
  result?.ok === false ? (result.error as { readonly code?: unknown }).code : 'none'

export async function fill(scene: Scene, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `key ${index}`)
  const written = await scene.backend.setMany(keys.map((key) => [key, scene.entry(`of ${key}`)]))
  allWell(written, count)
  return keys
}
