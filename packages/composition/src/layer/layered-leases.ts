import {
  type CacheValue,
  type KeyInput,
  type Lease,
  type LeaseAnswer,
  type LeaseRequest,
  type Leases,
  type MaybePromise,
} from '@hitbox/core'
import type { Layer } from './layered-backend.ts'
import { apart } from './apart.ts'

/** The leases of a backend in a layer. */
export class LayeredLeases implements Leases {
  readonly #inner: Leases
  readonly #layer: Layer
  readonly #assertOpen: () => void

  constructor(inner: Leases, layer: Layer, assertOpen: () => void) {
    this.#inner = inner
    this.#layer = layer
    this.#assertOpen = assertOpen
  }

  take<T>(key: KeyInput, request: LeaseRequest = {}): MaybePromise<LeaseAnswer<T>> {
    this.#assertOpen()
    const ask = (asked: LeaseRequest): MaybePromise<LeaseAnswer<T>> =>
      this.#layer.one('read', () => this.#inner.take<T>(key, asked))
    const { over, context } = request
    if (context === undefined || this.#layer.abandons !== true) return ask(request)
    return apart([context], ([own]) => ask({ over, context: own }))
  }

  fill<T>(lease: Lease, value: CacheValue<T>): MaybePromise<CacheValue<T> | undefined> {
    this.#assertOpen()
    return this.#layer.one('write', () => this.#inner.fill(lease, value))
  }

  renew(lease: Lease): MaybePromise<boolean> {
    this.#assertOpen()
    return this.#layer.one('write', () => this.#inner.renew(lease))
  }

  release(lease: Lease): MaybePromise<void> {
    this.#assertOpen()
    return this.#layer.one('write', () => this.#inner.release(lease))
  }

  expire(key: KeyInput): MaybePromise<boolean> {
    this.#assertOpen()
    return this.#layer.one('write', () => this.#inner.expire(key))
  }
}
