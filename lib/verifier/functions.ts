/** Where a program's functions begin, that jumps stay within them, and that every instruction can be reached. */
import { type Code, OPCODE_IMM64 } from '../../shared/isa/decode.js'
import { CallKind, CLASS_MASK, InsnClass, JumpOp, PseudoSource } from '../../shared/isa/opcodes.js'
import { E2BIG, EINVAL, EPROTO } from '../../shared/uapi/errno.js'
import { type Rejection, reject, type Structure, type StructureOptions } from './rejection.js'

const CALL = InsnClass.jmp | JumpOp.call
const EXIT = InsnClass.jmp | JumpOp.exit
const JA = InsnClass.jmp | JumpOp.ja
const GOTOL = InsnClass.jmp32 | JumpOp.ja
const OPERATION_MASK = 0xf0
/** BPF_MAX_SUBPROGS. */
const FUNCTIONS_MAX = 256

/** Instruction that a call or a function pointer at `i` names, -1 for other instructions. */
function functionTarget(code: Code, i: number): number | null {
  const isCall = code.opcode[i] === CALL && code.src[i] === CallKind.local
  // Looked for in every slot: whether this one is the second of a wide load is not asked yet.
  const isPointer = code.opcode[i] === OPCODE_IMM64 && code.src[i] === PseudoSource.function
  return isCall || isPointer ? i + code.imm[i] + 1 : null
}

/** Calls of kernel functions, of which there are none. */
function checkKernelFunction(code: Code, i: number, options: StructureOptions): Rejection | null {
  const { imm, off } = code
  if (options.gplCompatible === false) {
    return reject(i, EINVAL, 'cannot call kernel function from non-GPL compatible program')
  }
  if (imm[i] === 0 && off[i] === 0) return null
  if (off[i] !== 0) return reject(i, off[i] > 0 ? EPROTO : EINVAL, 'failed to find BTF for kernel function')
  return reject(i, EINVAL, `kernel btf_id ${imm[i] >>> 0} is not a function`)
}

/** A call of kernel function 0 stands for one that did not resolve: allowed where the program cannot come. */
export function checkUnresolved({ code }: Structure): Rejection | null {
  for (let i = 0; i < code.count; i++) {
    if (code.rows[i]?.kind !== 'callKfunc') continue
    return reject(i, EINVAL, 'invalid kernel function call not eliminated in verifier pass')
  }
  return null
}

export function findFunctions(code: Code, options: StructureOptions): { starts: number[] } | Rejection {
  const starts = new Set([0])
  for (let i = 0; i < code.count; i++) {
    if (code.opcode[i] === CALL && code.src[i] === CallKind.kfunc) {
      const rejection = checkKernelFunction(code, i, options)
      if (rejection) return rejection
    }
    const target = functionTarget(code, i)
    if (target === null) continue
    if (target < 0 || target >= code.count) return reject(i, EINVAL, 'call to invalid destination')
    starts.add(target)
    if (starts.size > FUNCTIONS_MAX) return reject(i, E2BIG, 'too many subprograms')
  }
  return { starts: [...starts].sort((a, b) => a - b) }
}

function isJump(opcode: number): boolean {
  const insnClass = opcode & CLASS_MASK
  const operation = opcode & OPERATION_MASK
  if (insnClass !== InsnClass.jmp && insnClass !== InsnClass.jmp32) return false
  return operation !== JumpOp.exit && operation !== JumpOp.call
}

function jumpTarget(code: Code, i: number): number {
  return i + 1 + (code.opcode[i] === GOTOL ? code.imm[i] : code.off[i])
}

/** Jumps stay within their function, and no function runs into the next. */
export function checkFunctions({ code, starts }: Structure): Rejection | null {
  for (let n = 0; n < starts.length; n++) {
    const start = starts[n]
    const end = starts[n + 1] ?? code.count
    for (let i = start; i < end; i++) {
      if (isJump(code.opcode[i])) {
        const target = jumpTarget(code, i)
        if (target < start || target >= end) return reject(i, EINVAL, `jump out of range from insn ${i} to ${target}`)
      }
    }
    const last = code.opcode[end - 1]
    if (last !== EXIT && last !== JA && last !== GOTOL)
      return reject(end - 1, EINVAL, 'last insn is not an exit or jmp')
  }
  return null
}

/** Marks what can be reached from the first instruction, function calls and function pointers followed. */
function reachable(code: Code): Uint8Array {
  const seen = new Uint8Array(code.count)
  const work = [0]
  const visit = (i: number) => {
    if (seen[i] !== 0) return
    seen[i] = 1
    work.push(i)
  }
  seen[0] = 1
  while (work.length > 0) {
    const i = work.pop() as number
    const opcode = code.opcode[i]
    if (opcode === EXIT) continue
    const callee = functionTarget(code, i)
    if (callee !== null) visit(callee)
    if (isJump(opcode)) visit(jumpTarget(code, i))
    if (opcode !== JA && opcode !== GOTOL) visit(i + (code.wide[i] === 1 ? 2 : 1))
  }
  return seen
}

/** Every instruction can be reached, and none in the middle of another. */
export function checkControlFlow({ code }: Structure): Rejection | null {
  const seen = reachable(code)
  for (let i = 0; i < code.count; i++) {
    if (seen[i] === 0) return reject(i, EINVAL, `unreachable insn ${i}`)
    if (code.wide[i] !== 1) continue
    if (seen[i + 1] !== 0) return reject(i, EINVAL, `jump into the middle of ldimm64 insn ${i}`)
    i++
  }
  return null
}
