import type { Linker } from '../shared/control/linker.js'
import type { AttachMessage, MapOperationsMessage, ProgramMessage } from '../shared/messages.js'
import type { AttachedProgram, Hook, LoadedProgram } from './context.js'

type Run = (context: number, contextBytes: number, repeat: number) => number

/**
 * The programs and hooks of one CPU. A program is instantiated when it is first attached or run here. Lists of
 * attached programs are replaced, never changed, so that whoever is walking one is not disturbed.
 */
export class Programs {
  readonly #linker: Linker
  readonly #messages = new Map<number, ProgramMessage>()
  readonly #loaded = new Map<number, LoadedProgram & { run: Run }>()
  readonly #hooks = new Map<string, Hook>()
  readonly #hookOfLink = new Map<number, Hook>()
  /** What programs under a debugger really are. */
  readonly #compiled = new Map<number, Run>()

  constructor(linker: Linker) {
    this.#linker = linker
  }

  hook(name: string): Hook {
    let hook = this.#hooks.get(name)
    if (!hook) {
      hook = { name, attached: [] }
      this.#hooks.set(name, hook)
    }
    return hook
  }

  installOperations(message: MapOperationsMessage): void {
    this.#linker.installShape(message.shape, message.operations, message.module)
  }

  load(message: ProgramMessage): void {
    this.#messages.set(message.program, message)
  }

  /** The program ready to run, or undefined when there is none of that number. Throws when it does not link. */
  find(program: number): (LoadedProgram & { run: Run }) | undefined {
    const known = this.#loaded.get(program)
    if (known) return known
    const message = this.#messages.get(program)
    if (!message) return undefined
    const { run, main } = this.#linker.instantiate(message.module)
    const loaded = {
      id: program,
      name: message.name,
      type: message.type,
      trapMap: message.trapMap,
      run: run as Run,
      main,
    }
    this.#loaded.set(program, loaded)
    return loaded
  }

  /** The instantiated program whose module has that name. */
  byModule(name: string): LoadedProgram | undefined {
    for (const program of this.#loaded.values()) if (program.trapMap.module === name) return program
    return undefined
  }

  /** Makes the program a target of tail calls on this CPU. False when there is none of that number. */
  prepareTailCall(program: number): boolean {
    const loaded = this.find(program)
    if (!loaded?.main) return false
    this.#linker.setProgram(program, loaded.main)
    return true
  }

  /** Has `run` called instead of the compiled program; null: the compiled program again. */
  override(program: number, run: Run | null): void {
    const loaded = this.find(program)
    if (!loaded) return
    const compiled = this.#compiled.get(program) ?? loaded.run
    this.#compiled.set(program, compiled)
    loaded.run = run ?? compiled
  }

  attach(message: AttachMessage): void {
    const program = this.find(message.program)
    if (!program) return
    const hook = this.hook(message.hook)
    const attached: AttachedProgram = { link: message.link, program, cookie: message.cookie }
    hook.attached = [...hook.attached, attached]
    this.#hookOfLink.set(message.link, hook)
  }

  detach(link: number): void {
    const hook = this.#hookOfLink.get(link)
    if (!hook) return
    hook.attached = hook.attached.filter((entry) => entry.link !== link)
    this.#hookOfLink.delete(link)
  }

  unload(program: number): void {
    this.#messages.delete(program)
    this.#compiled.delete(program)
    this.#linker.clearProgram(program)
    if (!this.#loaded.delete(program)) return
    for (const [link, hook] of this.#hookOfLink) {
      if (hook.attached.some((entry) => entry.link === link && entry.program.id === program)) this.detach(link)
    }
  }
}
