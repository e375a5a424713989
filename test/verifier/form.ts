/** Which of the kernel's messages are about a program's form alone; the others need register types or values. */
const FORM = [
  /^unknown opcode/,
  /reserved fields$/,
  /^R\d+ is invalid$/,
  /^frame pointer is read only/,
  /^jump out of range/,
  /^unreachable insn/,
  /^last insn is not/,
  /ld_imm64 insn$/,
  /^jump into the middle/,
  /^call to invalid/,
  /^invalid func/,
  /^program of this type/,
  /^BPF_LD_\[ABS/,
  /atomic op/,
  /^invalid shift/,
  /^div by zero/,
  /frames is too deep$/,
  /^invalid may_goto/,
  /^combined stack size/,
  /valid bpf_map$/,
  /^fd_idx/,
  /^kernel btf_id/,
  /kernel function/,
]

export function aboutForm(message: string): boolean {
  return FORM.some((pattern) => pattern.test(message))
}

/** What checkStructure() answered, against the kernel's errno (0: accepted) and message: agreement as far as form goes. */
export function agreesOnForm(ours: { errno: number; message?: string }, errno: number, message: string): boolean {
  // What Linux accepts must pass; what it refuses for its types and values may.
  if (errno === 0) return ours.errno === 0
  return !aboutForm(message) || (ours.errno === -errno && ours.message === message)
}
