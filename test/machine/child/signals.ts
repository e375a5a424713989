/**
 * A process that blocks on a machine's doorbell while its parent sends SIGINT. It prints a line when it is ready and
 * one for each signal: [ms the blocking call went on after the signal was due is measured by the parent], the outcome
 * and how often the listener has run.
 */
import { writeSync } from 'node:fs'
import { boot } from '#lib/machine/machine.js'

const wanted = Number(process.argv[2])
let heard = 0
process.on('SIGINT', () => {
  heard++
})
const machine = boot({ memoryBytes: 16 * 1024 * 1024 })
// The first call arms; the process is ready once it waits again.
machine.waitDoorbell(machine.prepareWait(), 300)
machine.finishWait()
writeSync(1, 'ready\n')
for (let i = 0; i < wanted; i++) {
  const outcome = machine.waitDoorbell(machine.prepareWait(), 10_000)
  machine.finishWait()
  writeSync(1, `${outcome} ${heard}\n`)
}
await machine.shutdown()
writeSync(1, 'closed\n')
