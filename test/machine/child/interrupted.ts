/** Waits for SIGINT in a way that its argument names; prints `ready` when one may come and `heard` for each. */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { boot, type Machine } from '#lib/machine/machine.js'
import { contextWord, counting, load, SMALL_MEMORY_BYTES } from '#test/machine/modules.js'

const LONG_MS = 20_000
/** The signal worker is armed by the first blocking call and needs a moment. */
const ARM_MS = 300
const print = (line: string) => writeSync(1, `${line}\n`)
const newMachine = () => boot({ memoryBytes: SMALL_MEMORY_BYTES, cpus: 1 })
const machine = newMachine()
const listener = () => print('heard')

function block(on: Machine, timeoutMs = LONG_MS): string {
  const outcome = on.waitDoorbell(on.prepareWait(), timeoutMs)
  on.finishWait()
  return outcome
}

const ways: Record<string, () => unknown> = {
  none: () => {
    print('ready')
    return block(machine)
  },
  removed: () => {
    process.on('SIGINT', listener)
    block(machine, ARM_MS)
    print('ready')
    block(machine)
    process.off('SIGINT', listener)
    print('ready')
    return block(machine)
  },
  again: () => {
    process.on('SIGINT', listener)
    block(machine, ARM_MS)
    print('ready')
    block(machine)
    process.off('SIGINT', listener)
    process.on('SIGINT', listener)
    print('ready')
    return block(machine)
  },
  loop: async () => {
    process.on('SIGINT', listener)
    block(machine, ARM_MS)
    print('ready')
    block(machine)
    print('ready')
    await sleep(500)
    await machine.shutdown()
    print('ready')
    await sleep(500)
  },
  two: async () => {
    const other = newMachine()
    process.on('SIGINT', listener)
    block(machine, ARM_MS)
    print('ready')
    block(other)
    const third = newMachine()
    print('ready')
    block(third)
    await Promise.all([other.shutdown(), third.shutdown()])
  },
  run: () => {
    load(machine, 1, counting)
    const context = contextWord(machine)
    process.on('SIGINT', listener)
    block(machine, ARM_MS)
    print('ready')
    const { error } = machine.run(0, { program: 1, context, contextBytes: 4, repeat: 0xffffffff })
    print(`run: ${error}`)
  },
}

await ways[process.argv[2]]()
await machine.shutdown()
print('done')
