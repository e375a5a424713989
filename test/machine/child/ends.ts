/** Boots a machine, uses it, and shuts it down or not: the process has to end by itself either way. */
import { writeSync } from 'node:fs'
import { boot } from '#lib/machine/machine.js'

const machine = boot({ cpus: 2 })
const task = machine.spawn('dd', { cpu: 1, args: ['if=/dev/zero', 'of=/dev/null'] })
await machine.controlAsync('ping', 1)
machine.waitDoorbell(machine.prepareWait(), 10)
machine.finishWait()
if (process.argv[2] === 'shutdown') {
  task.kill()
  task.wait()
  await machine.shutdown()
}
writeSync(1, 'done\n')
