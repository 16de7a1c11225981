import type { Script } from './scripted-tier.ts'

/** A script under which each call takes two steps, to take effect and to be answered, when the test says so. */
export class Stepped {
  readonly #label: string
  #calls = 0
  readonly #steps: { readonly name: string; readonly run: () => void }[] = []

  constructor(label: string) {
    this.#label = label
  }

  get enabled(): readonly string[] {
    return this.#steps.map((step) => step.name)
  }

  happen(name: string): boolean {
    const index = this.#steps.findIndex((step) => step.name === name)
    if (index === -1) return false
    const [step] = this.#steps.splice(index, 1)
    step?.run()
    return true
  }

  readonly script: Script = (call, effect) =>
    new Promise((resolve) => {
      this.#calls += 1
      const name = `${this.#label} ${call.verb} ${this.#calls}`
      this.#steps.push({
        name: `${name} takes effect`,
        run: () => {
          const result = effect()
          this.#steps.push({ name: `${name} answers`, run: () => resolve(result) })
        },
      })
    })
}
