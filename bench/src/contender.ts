/** What is cached. Only `id` is looked at: the sums of what was read must agree between contenders. */
export interface Row {
  readonly id: number
}

/** What a contender is opened for. */
export interface Place {
  /** A database of its own on the shared server, so that what is kept beside the values does not meet either. */
  readonly redisUrl: string
  /**
   * Begins its keys where there is a shared server. Databases of their own do not do: what a server tells of changes (`CLIENT TRACKING`)
   * names keys only, so that the writes of one would end the copies of another.
   */
  readonly prefix: string
  /** Of the memory tier. Reads of the second tier are had by asking for more keys than this in turn. */
  readonly maxEntries: number
  /** In whole seconds, since some count in these. */
  readonly ttlMs: number
  /** When values go stale, for those who refresh behind. */
  readonly staleAfterMs?: number | undefined
  /** Where values come from that are nowhere; counts its calls. */
  readonly load: (key: string) => Promise<Row>
  /** What entries belong to, in the settings with tags. */
  readonly tagOf: (key: string) => string
}

export type Answer<T> = T | PromiseLike<T>

/** A contender that was opened. What is not there, it cannot do. */
export interface Subject {
  /** Answers at once, from memory. */
  readonly peek?: ((key: string) => Row | null | undefined) | undefined
  readonly get?: ((key: string) => Answer<Row | null | undefined>) | undefined
  readonly getOrLoad?: ((key: string) => Answer<Row | null | undefined>) | undefined
  readonly getMany?:
    | ((keys: readonly string[]) => Answer<readonly (Row | null | undefined)[]>)
    | undefined
  readonly set?: ((key: string, value: Row) => Answer<unknown>) | undefined
  readonly invalidateTag?: ((tag: string) => Answer<unknown>) | undefined
  close(): Answer<unknown>
}

export type Open = (place: Place) => Answer<Subject>

/** Memory alone; Redis alone; memory over Redis; and the first and the last of these with entries that belong to tags. */
export const SETTINGS = ['memory', 'redis', 'tiers', 'tagged', 'taggedTiers'] as const
export type Setting = (typeof SETTINGS)[number]

/** One way to use one library. Variants of one library begin with its name and a comma. */
export interface Contender {
  readonly name: string
  /** Whose versions the report names. */
  readonly packages: readonly string[]
  /** The options that matter, for who reads the figures. */
  readonly about: string
  /** Ratios are taken to it, so `--only` does not leave it out. */
  readonly bare?: true
  readonly settings: Readonly<Partial<Record<Setting, Open>>>
  /** Those that refresh behind when `staleAfterMs` is given. */
  readonly refreshesBehind?: true
}

/** The name of the row of a contender in one setting. */
export function labelOf(contender: Contender, setting: Setting): string {
  switch (setting) {
    case 'memory':
    case 'tagged':
      return contender.name
    case 'redis':
      return `${contender.name}, Redis`
    case 'tiers':
    case 'taggedTiers':
      return `${contender.name}, two tiers`
    default:
      return setting satisfies never
  }
}
