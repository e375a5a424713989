import { expect, it } from 'vitest'
import { boot } from '#lib/machine/machine.js'
import { word } from '#shared/views.js'
import { block, br, brIf, define, drop, I32, i32, loop, seq, set, when } from '#shared/wasm/dsl.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { attach, contextWord, load, SMALL_MEMORY_BYTES } from '#test/machine/modules.js'

const ROUNDS = 150
/** Looks at the canary per run: long enough that a detach nearly always comes while some CPU is inside. */
const LOOKS = 20_000
const ALIVE = 1

/** Looks at `canary` again and again and counts in `errors` how often it was not alive. */
function watching(canary: number, errors: number): WebAssembly.Module {
  const module = new ModuleBuilder()
  module.importMemory()
  const run = define(module, 'run', [I32, I32, I32], [I32], (_, local) => {
    const left = local(I32)
    const dead = i32.ne(i32.atomicLoad(canary), ALIVE)
    return seq(
      set(left, LOOKS),
      loop((leave) =>
        seq(
          when(dead, drop(i32.atomicAdd(errors, 1))),
          set(left, i32.sub(left, 1)),
          block((goOn) => seq(brIf(goOn, left), br(leave))),
        ),
      ),
      i32.const(0),
    )
  })
  module.export('run', run)
  return new WebAssembly.Module(module.build().bytes)
}

it('lets what a program used be freed once it is detached and the grace period is over', async () => {
  const machine = boot({ cpus: 3, memoryBytes: SMALL_MEMORY_BYTES })
  const { u32 } = machine.views
  const [canary, errors] = [contextWord(machine), contextWord(machine)]
  const module = watching(canary, errors)
  const tasks = [0, 1, 2].map((cpu) => machine.spawn('dd', { cpu, args: ['if=/dev/zero', 'of=/dev/null'] }))
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      u32[word(canary)] = ALIVE
      load(machine, round, module)
      machine.publish(attach(round, 'raw_tp:sys_enter', round))
      const calls = tasks.map((task) => task.syscalls)
      while (tasks.some((task, cpu) => task.syscalls <= calls[cpu] + 1)) Atomics.wait(machine.views.i32, 0, 0, 1)
      machine.publish({ kind: 'detach', link: round })
      machine.publish({ kind: 'unload', program: round })
      expect(machine.synchronize()).toBe(true)
      u32[word(canary)] = 0
    }
    expect(u32[word(errors)]).toBe(0)
  } finally {
    await machine.shutdown()
  }
})
