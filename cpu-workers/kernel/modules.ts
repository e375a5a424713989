import type { Workload } from '../../shared/kernel/workload.js'

/** The modules of executables: loaded once per CPU, asynchronously, while the tasks that need them sleep. */
export class Modules {
  readonly #loaded = new Map<string, Workload | Error>()
  readonly #loading = new Map<string, Promise<void>>()

  /** Registers a body that needs no loading. */
  define(url: string, body: Workload): void {
    this.#loaded.set(key(url, 'default'), body)
  }

  /** The body under that URL and export, an error when it cannot be had, undefined while it loads. */
  get(url: string, exportName: string): Workload | Error | undefined {
    const id = key(url, exportName)
    const found = this.#loaded.get(id)
    if (found === undefined && !this.#loading.has(id)) this.#loading.set(id, this.#load(id, url, exportName))
    return found
  }

  async #load(id: string, url: string, exportName: string): Promise<void> {
    try {
      const body = (await import(url))[exportName]
      const isBody = typeof body === 'function'
      this.#loaded.set(id, isBody ? body : new Error(`${url} has no function exported as ${exportName}`))
    } catch (error) {
      this.#loaded.set(id, error instanceof Error ? error : new Error(String(error)))
    }
    this.#loading.delete(id)
  }

  /** Settles when something more has loaded; null when nothing is loading. */
  pending(): Promise<void> | null {
    return this.#loading.size === 0 ? null : Promise.race(this.#loading.values())
  }
}

function key(url: string, exportName: string): string {
  return `${url}#${exportName}`
}
