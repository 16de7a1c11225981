/** One figure: the median over the rounds. */
export interface Cell {
  readonly value: number
  /** First and third quartile over the rounds. */
  readonly spread?: readonly [low: number, high: number] | undefined
  /** Median of the ratios to the bare part, taken round by round; above 1 is worse for costs, better for rates. */
  readonly ratio?: number | undefined
}

export interface Row {
  /** Of the contender, for example `hitbox` or `lru-cache`. */
  readonly name: string
  /** One for each column of the table; `undefined` where the contender cannot do it. */
  readonly cells: readonly (Cell | undefined)[]
}

export interface Table {
  readonly title: string
  /** What a value counts, for example `ns`, `ops/s`, `bytes`, `ms`, `%`, `loads`. */
  readonly unit: string
  /** The row that ratios are taken to. */
  readonly base?: string | undefined
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** What a reader has to know to read it rightly. */
  readonly notes?: readonly string[] | undefined
}

/** What a run was asked for. */
export interface BenchOptions {
  /** Whether a contender takes part, by its name: `--only`, which leaves no bare part out. */
  takesPart(contender: string, bare?: boolean): boolean
  /** Interleaved rounds, those for warming up not counted. */
  readonly rounds: number
  /** Small inputs, for trying the bench itself out. */
  readonly quick: boolean
  /** File given with `--trace`. */
  readonly trace?: string | undefined
  /** Tells on stderr how far the run is. */
  tell(line: string): void
}

/** One question, and the tables that answer it. */
export interface BenchCase {
  /** What `--case` names, for example `l1`. */
  readonly name: string
  readonly title: string
  /** Names for `--only` of those who take part in this case alone. */
  readonly contenders?: readonly string[] | undefined
  run(options: BenchOptions): Promise<readonly Table[]>
}
