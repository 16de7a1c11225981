import type { DeleteReceipt, ExpireReceipt } from '../cache.ts'
import type { Receipt } from '../fresh.ts'
import type { KeyAtom } from '@hitbox/core'
import type { BatchContext, BatchResult } from '../batch/batch-load.ts'
import type { Settled } from '../batch/batch-api.ts'
import type { Answer } from '../call-context.ts'
import type { LoadContext } from '../flight/loading.ts'
import type { PolicyOptions } from '../policy.ts'
import type { StandardSchema } from '../schema.ts'

// oxlint-disable typescript/no-explicit-any -- what a definition takes is inferred from its functions, so here it can be anything

/**
 * One kind of value: how it is made from an input, named, and kept. All functions take the same input: one argument, an object for more.
 * A policy option that is left out is that of the cache.
 */
export interface Definition extends Omit<PolicyOptions<any>, 'tags' | 'schema'> {
  /** Makes the value of an input. */
  readonly load?: ((input: any, context: LoadContext) => unknown) | undefined
  /** Makes those of many inputs at once, in their order or as a `Map` by input; an `Error` fails its own input. @defaultValue `load` for each */
  readonly loadMany?:
    | ((
        inputs: readonly any[],
        context: BatchContext,
      ) => BatchResult<any> | PromiseLike<BatchResult<any>>)
    | undefined
  /** What tells inputs apart. Keys begin with the name of the definition. @defaultValue the input itself */
  readonly key?: ((input: any) => KeyAtom | readonly KeyAtom[]) | undefined
  /** What values belong to. With `as const` the tags become types, and `invalidateTags` takes no others. @defaultValue none */
  readonly tags?: readonly string[] | ((input: any) => readonly string[]) | undefined
  /** Checks what comes out of tiers, and says what type it is. */
  readonly schema?: StandardSchema<any> | undefined
  /** Goes into the keys: raise it when values change their shape. Whole number. @defaultValue 0: none */
  readonly version?: number | undefined
}

type Call = (...args: any) => any

/** The input of a definition: what its functions take. */
export type InputOf<D> = D extends { readonly load: infer L extends Call }
  ? FirstOf<L>
  : D extends { readonly loadMany: (inputs: readonly (infer I)[], ...rest: any) => any }
    ? I
    : D extends { readonly key: infer K extends Call }
      ? FirstOf<K>
      : string | number

type FirstOf<F extends Call> = Parameters<F> extends [] ? void : Parameters<F>[0]

/** The value of a definition: what its schema describes, or else what it loads. */
export type ValueOf<D> = D extends { readonly schema: StandardSchema<infer T> }
  ? T
  : D extends { readonly load: infer L extends Call }
    ? Awaited<ReturnType<L>>
    : D extends { readonly loadMany: infer M extends Call }
      ? Awaited<ReturnType<M>> extends ReadonlyMap<any, infer T> | readonly (infer T)[]
        ? Exclude<T, Error>
        : unknown
      : unknown

/** The tags that the values of a definition carry. */
export type TagOf<D> = D extends { readonly tags: infer G }
  ? G extends Call
    ? ReturnType<G>[number]
    : G extends readonly (infer T)[]
      ? T
      : never
  : never

/** Nothing when the parts of a definition fit together; else a property that cannot be there, whose name says why. */
export type Fits<D> = (D extends { readonly tags: infer G } ? Takes<D, G> : unknown) &
  (D extends { readonly key: infer K } ? Takes<D, K> : unknown) &
  (D extends { readonly schema: StandardSchema<infer T>; readonly load: infer L extends Call }
    ? Awaited<ReturnType<L>> extends T
      ? unknown
      : { readonly 'load must give what schema describes': never }
    : unknown)

type Takes<D, F> = F extends (input: infer I, ...rest: any) => any
  ? unknown extends I
    ? unknown
    : [InputOf<D>] extends [I]
      ? unknown
      : { readonly 'load, key and tags must take the same input': never }
  : unknown

/** How an input is passed: not at all where there is none, and left out where it may be. */
export type InputArgs<Input> = [Input] extends [void]
  ? []
  : undefined extends Input
    ? [input?: Input]
    : [input: Input]

/** The calls for one kind of value. */
export interface Entries<Input, T> {
  /** {@link Namespace.get} of this input. */
  get(...input: InputArgs<Input>): Promise<T | undefined>
  /** {@link Namespace.peek} of this input. */
  peek(...input: InputArgs<Input>): T | undefined
  /** {@link Namespace.has} of this input. */
  has(...input: InputArgs<Input>): Promise<boolean>
  /** {@link Namespace.set} of this input, by the policy and with the tags of the definition. */
  set(...entry: [Input] extends [void] ? [value: T] : [input: Input, value: T]): Promise<Receipt>
  /** {@link Namespace.delete} of this input. */
  delete(...input: InputArgs<Input>): Promise<DeleteReceipt>
  /** {@link Namespace.expire} of this input. */
  expire(...input: InputArgs<Input>): Promise<ExpireReceipt>
  /** Text of the key of this input. */
  keyOf(...input: InputArgs<Input>): string
}

/** {@link Entries} of a definition that can load: called with an input, it gives what is there or what it loads. */
export interface LoadedEntries<Input, T> extends Entries<Input, T> {
  (...input: InputArgs<Input>): Promise<T>
  /** The same, with how it was answered. */
  withContext(...input: InputArgs<Input>): Promise<Answer<T>>
  /** {@link Namespace.getOrLoadMany} of these inputs, plain and settled. */
  readonly many: {
    (inputs: Iterable<Input>): Promise<T[]>
    /** The same, with one result per input instead of a rejection. */
    settled(inputs: Iterable<Input>): Promise<Settled<T>[]>
  }
}

/** {@link Entries}, which can be called when the definition can load. */
export type EntriesOf<D> = D extends { readonly load: Call } | { readonly loadMany: Call }
  ? LoadedEntries<InputOf<D>, ValueOf<D>>
  : Entries<InputOf<D>, ValueOf<D>>
