import type { Place, Setting, Subject } from '../contender.ts'
import { loadContenderFile } from '../registry.ts'

/** Which contender a program is to open. */
export interface Wanted {
  readonly file: string
  readonly name: string
  readonly setting: Setting
}

/** Loads and opens one contender in a process of its own. */
export async function openContender(wanted: Wanted, place: Place): Promise<Subject> {
  const { file, name, setting } = wanted
  const contender = (await loadContenderFile(file)).find((one) => one.name === name)
  const open = contender?.settings[setting]
  if (open === undefined) throw new Error(`there is no "${name}" with ${setting}`)
  return open(place)
}
