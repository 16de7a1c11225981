/**
 * Where a request is. `check`: options and loads under way are looked at; `poll`: tiers are asked; `fresh`, `stale`, `expired`,
 * `miss`: what they had; `flight`: a load is joined or begun; `lease`: the right to it is asked for, where tiers
 * give one out; `load`, `admit`, `store`: the value is made, found worth storing,
 * given to the tiers; `answer`: the caller has it, or its failure.
 */
export type State =
  | 'check'
  | 'poll'
  | 'fresh'
  | 'stale'
  | 'expired'
  | 'miss'
  | 'flight'
  | 'lease'
  | 'load'
  | 'admit'
  | 'store'
  | 'answer'
