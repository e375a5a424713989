/**
 * One boot in a process of its own, so that nothing is warm: boots as many CPUs as the first argument says, waits until
 * all are online, and prints {"ms", "rssMiB"}. The time begins when the modules are loaded.
 */
import { boot } from '#lib/machine/index.js'

const startMs = performance.now()
const machine = boot({ cpus: Number(process.argv[2]) })
machine.start()
const ms = performance.now() - startMs
const rssMiB = process.memoryUsage.rss() / 2 ** 20
process.stdout.write(`${JSON.stringify({ ms, rssMiB })}\n`)
void machine.shutdown()
