/** Runs a program billions of times until SIGINT comes. */
import { writeSync } from 'node:fs'
import { BPF_PROG_TYPE_XDP, bpf_prog_load, bpf_prog_test_run_opts, type bpf_test_run_opts } from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { insn, program } from '#test/jit/assembler.js'

const print = (line: string) => writeSync(1, `${line}\n`)
const insns = program(insn('mov64.imm', { imm: 5 }), insn('exit'))
const fd = bpf_prog_load(BPF_PROG_TYPE_XDP, null, 'GPL', insns)
const run = (repeat: number): bpf_test_run_opts & { error: number } => {
  const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat }
  return { error: bpf_prog_test_run_opts(fd, opts), ...opts }
}
process.on('SIGINT', () => print('heard'))
// The first run arms what turns the signal into an answer.
run(1)
print('ready')
let last = 0
while (last === 0) last = run(0xffffffff).error
print(`run: ${last}`)
const { error, retval } = run(3)
print(`again: ${error} ${retval}`)
await shutdown()
