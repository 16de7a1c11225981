import type { Contender, Row } from '../contender.ts'

/** The floor: no bound, no lifetimes, nothing. */
export const contenders: readonly Contender[] = [
  {
    name: 'Map',
    packages: [],
    about: 'the floor: no bound and no lifetimes',
    settings: {
      memory: () => {
        const map = new Map<string, Row>()
        return {
          peek: (key) => map.get(key),
          get: (key) => map.get(key),
          set: (key, value) => map.set(key, value),
          close: () => map.clear(),
        }
      },
    },
  },
]
