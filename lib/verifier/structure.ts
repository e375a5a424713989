/**
 * What is wrong with a program by its form alone, in the order, the words and the errno of Linux 6.18's verifier:
 * function boundaries, jump targets, opcodes, control flow, then each reachable instruction's fields, and call depth.
 */
import { decode } from '../../shared/isa/decode.js'
import { INSN_BYTES } from '../../shared/isa/opcodes.js'
import { E2BIG } from '../../shared/uapi/errno.js'
import { checkFields } from './fields.js'
import { checkControlFlow, checkFunctions, checkUnresolved, findFunctions } from './functions.js'
import { checkOpcodes } from './opcodes.js'
import type { Rejection, Structure, StructureOptions } from './rejection.js'
import { checkStack } from './stack.js'

export type { StructureOptions } from './rejection.js'

/** BPF_COMPLEXITY_LIMIT_INSNS: instructions that a program may have. */
export const INSTRUCTIONS_MAX = 1_000_000

export type StructureResult = { errno: 0 } | { errno: number; message: string; insn: number; log: string }

/**
 * Checks the form of `insns`. Returns errno 0, or the negative errno with the verifier's message; `log` is that
 * message and the closing statistics line.
 */
export function checkStructure(insns: Uint8Array, options: StructureOptions): StructureResult {
  const code = decode(insns)
  if (code.count === 0 || code.count > INSTRUCTIONS_MAX || insns.length % INSN_BYTES !== 0) {
    return { errno: -E2BIG, insn: -1, message: '', log: '' }
  }
  const functions = findFunctions(code, options)
  if ('errno' in functions) return withLog(functions)
  const structure: Structure = { code, options, starts: functions.starts }
  const rejection =
    checkFunctions(structure) ??
    checkOpcodes(structure) ??
    checkControlFlow(structure) ??
    checkFields(structure) ??
    checkStack(structure) ??
    checkUnresolved(structure)
  return rejection ? withLog(rejection) : { errno: 0 }
}

function withLog(rejection: Rejection): StructureResult {
  const processed = 'processed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0'
  return { ...rejection, log: `${rejection.message}\n${processed}\n` }
}
