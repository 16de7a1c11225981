import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Contender, labelOf, SETTINGS } from './contender.ts'
import type { BenchCase } from './contract.ts'

/** The order in which cases run and are told. Others come after these, by name. */
const ORDER = ['l1', 'observers', 'l2', 'writes', 'herd', 'stale', 'tags', 'heap', 'open-loop']

export interface Registered extends Contender {
  /** Where it is, so that a process that needs one loads one. */
  readonly file: string
}

/** All contenders: whatever a file of the folder calls `contenders`. */
export async function loadContenders(): Promise<readonly Registered[]> {
  const files = await filesOf('contenders')
  const all = (await Promise.all(files.map(loadContenderFile))).flat()
  const twice = all.find(({ name }, at) => all.findIndex((other) => other.name === name) !== at)
  if (twice !== undefined) throw new Error(`two contenders are called ${twice.name}`)
  return all.toSorted(
    (a, b) => Number(b.bare ?? false) - Number(a.bare ?? false) || rank(a.name) - rank(b.name),
  )
}

/** The contenders of one file. */
export async function loadContenderFile(file: string): Promise<readonly Registered[]> {
  const module = await load('contenders', file)
  const contenders = (module['contenders'] ?? []) as readonly Contender[]
  return contenders.map((contender) => ({ ...contender, file }))
}

/** All cases: whatever a file of the folder exports that has a name and can be run. */
export async function loadCases(): Promise<readonly BenchCase[]> {
  const modules = await Promise.all((await filesOf('cases')).map((file) => load('cases', file)))
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length)
  return modules
    .flatMap((module) => Object.values(module).filter(isCase))
    .toSorted((a, b) => place(a.name) - place(b.name) || a.name.localeCompare(b.name))
}

/** Every name that `--only` may give of these. */
export function namesOf(contenders: readonly Contender[]): readonly string[] {
  const names = contenders.flatMap((contender) => [
    contender.name,
    ...SETTINGS.filter((setting) => setting in contender.settings).map((setting) =>
      labelOf(contender, setting),
    ),
  ])
  return [...new Set(names)]
}

/** Ours before the peers, these by their files. */
function rank(name: string): number {
  if (name.startsWith('hitbox')) return 0
  return name.startsWith('@hitbox') ? 1 : 2
}

function isCase(value: unknown): value is BenchCase {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<BenchCase>).name === 'string' &&
    typeof (value as Partial<BenchCase>).run === 'function'
  )
}

async function filesOf(folder: string): Promise<readonly string[]> {
  const files = await readdir(join(import.meta.dirname, folder))
  return files.filter((file) => /^[^.]+\.[jt]s$/.test(file)).toSorted()
}

function load(folder: string, file: string): Promise<Readonly<Record<string, unknown>>> {
  const url = pathToFileURL(join(import.meta.dirname, folder, file)).href
  return import(url) as Promise<Readonly<Record<string, unknown>>>
}
