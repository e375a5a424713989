/** Programs built by hand, with the exports that compiled ones have. */
import type { Machine } from '#lib/machine/machine.js'
import type { Publication } from '#shared/messages.js'
import { define, type Expr, I32, i32, loop, seq, unreachable } from '#shared/wasm/dsl.js'
import type { Local } from '#shared/wasm/function.js'
import { ModuleBuilder } from '#shared/wasm/module.js'

export const PROG_TYPE = 1
export const SMALL_MEMORY_BYTES = 16 * 1024 * 1024

type Body = (params: readonly Local[], local: (type: typeof I32) => Local) => (f: never) => void

function compile(body: Body): WebAssembly.Module {
  const module = new ModuleBuilder()
  module.importMemory()
  module.export('run', define(module, 'run', [I32, I32, I32], [I32], body as never))
  return new WebAssembly.Module(module.build().bytes)
}

/** Adds its repetitions to the word at the context and returns the word's old value. */
export const counting = compile(([context, , repeat]) => i32.atomicAdd(context as Expr, repeat as Expr))
/** Stops with a trap. */
export const trapping = compile(() => unreachable())
/** Counts its start in the word at the context and never ends. */
export const endless = compile(([context]) =>
  seq(
    (f) => {
      i32.atomicAdd(context as Expr, 1)(f)
      f.op(0x1a)
    },
    loop(() => () => {}),
    unreachable(),
  ),
)

/** Publishes `module` as program `id`. */
export function load(machine: Machine, id: number, module: WebAssembly.Module, name = `program${id}`): void {
  const trapMap = { module: '', functions: [], lines: [], subprograms: [] }
  machine.publish({ kind: 'program', program: id, name, type: PROG_TYPE, module, shapes: [], trapMap })
}

export function attach(link: number, hook: string, program: number): Publication {
  return { kind: 'attach', link, hook, program, cookie: [0, 0] }
}

/** A zeroed word for a program's context. */
export function contextWord(machine: Machine): number {
  const address = machine.allocator.allocate(16)
  machine.views.u8.fill(0, address, address + 16)
  return address
}
