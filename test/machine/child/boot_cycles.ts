/** Boots a machine, touches memory and closes it, again and again; prints the highest RSS as JSON and ends by itself. */
import { boot } from '#lib/machine/machine.js'

const [cycles, touchMb] = process.argv.slice(2).map(Number)
const MB = 1024 * 1024
let maxRss = 0
for (let i = 0; i < cycles; i++) {
  const machine = boot({ cpus: 1 })
  machine.start()
  const address = machine.allocator.allocate(touchMb * MB)
  const { u8 } = machine.views
  if (u8[address] !== 0 || u8[address + touchMb * MB - 1] !== 0) throw new Error(`cycle ${i}: the memory is not zero`)
  u8.fill(0xa5, address, address + touchMb * MB)
  await machine.shutdown()
  maxRss = Math.max(maxRss, process.memoryUsage.rss())
}
process.stdout.write(`${JSON.stringify({ maxRssMb: Math.round(maxRss / MB) })}\n`)
