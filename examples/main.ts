/** `npm start`: the event counter with both kinds of map definition, what each CPU did, then hello world. */
import type { perf_buffer } from 'smpbpf'
import { shutdown } from 'smpbpf/machine'
import { hello } from './hello.js'
import { exampleObject, trace_output } from './trace_output.js'

const STYLES = [
  ['map defined by BTF', 'trace_output.bpf.o'],
  ['legacy map definition', 'trace_output_legacy.bpf.o'],
]

function perCpu(pb: perf_buffer): void {
  for (const { cpu, events, lost, wakeups } of pb.statistics()) {
    console.log(`  CPU ${cpu}: ${events} events, ${lost} lost, ${wakeups} wake-ups`)
  }
}

let failures = 0
for (const [style, file] of STYLES) {
  console.log(`${file} (${style}):`)
  failures += trace_output(exampleObject(file), perCpu)
}
console.log('hello.bpf.o (trace_pipe):')
failures += hello()
await shutdown()
process.exitCode = failures > 0 ? 1 : 0
