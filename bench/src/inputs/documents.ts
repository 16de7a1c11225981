/** What is encoded and compressed. JSON keeps all of it, so that all formats can be compared; no two texts are the same. */
export interface Document {
  readonly title: string
  readonly value: unknown
}

export const documents: readonly Document[] = [
  { title: 'small object', value: { ...record(42), address: { city: 'London', zip: 'N1' } } },
  { title: '100 records', value: Array.from({ length: 100 }, (_, id) => record(id)) },
  { title: '50 KB nested', value: tree(4) },
]

function record(id: number): object {
  return {
    id,
    name: `user ${id}`,
    email: `user${id}@example.org`,
    score: id * 1.25,
    active: id % 2 === 0,
    country: 'de',
    tags: ['a', `b${id}`],
  }
}

function tree(depth: number, path = '1'): object {
  if (depth === 0) return { leaf: true, path, text: `text of ${path}`, list: [1, 2, path.length] }
  return {
    name: `node ${path}`,
    children: Array.from({ length: 5 }, (_, child) => tree(depth - 1, `${path}.${child}`)),
    meta: { a: depth, b: 'two', c: null, d: [true, false] },
  }
}
