/**
 * Each reachable instruction's own fields, in the order in which the verifier walks the program: on the straight path
 * first, into functions where they are called, branch targets last.
 */

import { targetOf } from '../../shared/isa/decode.js'
import { FRAME_REGISTER, REGISTERS } from '../../shared/isa/opcodes.js'
import { type FieldUse, type InstructionRow, rowsOf } from '../../shared/isa/table.js'
import { FRAMES_MAX } from '../../shared/layout.js'
import * as bpf from '../../shared/uapi/bpf.js'
import { E2BIG, EACCES, EINVAL } from '../../shared/uapi/errno.js'
import { helperAllowed, helperGplOnly, helperName, isHelperId } from './helpers.js'
import { type Rejection, reject, type Structure } from './rejection.js'

const PACKET_LOADS = new Set([
  bpf.BPF_PROG_TYPE_SOCKET_FILTER,
  bpf.BPF_PROG_TYPE_SCHED_CLS,
  bpf.BPF_PROG_TYPE_SCHED_ACT,
])

export function checkFields(structure: Structure): Rejection | null {
  const { code } = structure
  const seen = new Uint8Array(code.count)
  const work = [0]
  while (work.length > 0) {
    let i = work.pop() as number
    while (i < code.count && seen[i] === 0) {
      seen[i] = 1
      const rejection = checkInstruction(structure, i)
      if (rejection) return rejection
      const row = code.rows[i] as InstructionRow
      const next = i + (code.wide[i] === 1 ? 2 : 1)
      if (row.kind === 'exit') break
      if (row.kind === 'callLocal') {
        work.push(next)
        i = targetOf(code, i)
      } else if (row.kind === 'jump') i = targetOf(code, i)
      else {
        if (row.kind === 'branch' || row.kind === 'mayGoto') work.push(targetOf(code, i))
        if (row.name === 'imm64.function') work.push(i + 1 + code.imm[i])
        i = next
      }
    }
  }
  return checkCallDepth(structure)
}

function checkInstruction(structure: Structure, i: number): Rejection | null {
  const { code } = structure
  const opcode = code.opcode[i]
  const row = code.rows[i]
  // Opcodes are known by now: a missing row is a wrong value in the field that selects it.
  const like = row ?? rowsOf(opcode)[0]
  return (
    checkBranch(structure, i, like) ??
    checkReserved(structure, i, like, row !== undefined) ??
    checkRegisters(structure, i, like) ??
    checkOperand(structure, i, like) ??
    (like.kind === 'callHelper' ? checkHelper(structure, i) : null)
  )
}

/** Of a branch, the register that it compares is looked at before all else. */
function checkBranch({ code }: Structure, i: number, row: InstructionRow): Rejection | null {
  const dst = code.dst[i]
  return row.kind === 'branch' && dst >= REGISTERS ? reject(i, EINVAL, `R${dst} is invalid`) : null
}

function checkReserved(structure: Structure, i: number, row: InstructionRow, known: boolean): Rejection | null {
  const { code, options } = structure
  const { fields } = row
  if (row.kind === 'packetLoad' && !PACKET_LOADS.has(options.type)) {
    return reject(i, EINVAL, 'BPF_LD_[ABS|IND] instructions not allowed for this program type')
  }
  if (row.group === 'BPF_ATOMIC') return checkAtomic(structure, i, known)
  const clean =
    known &&
    (fields.dst !== 'zero' || code.dst[i] === 0) &&
    (fields.src !== 'zero' || code.src[i] === 0) &&
    (fields.imm !== 'zero' || code.imm[i] === 0) &&
    (fields.off !== 'zero' || code.off[i] === 0 || IGNORES_OFFSET.has(row.kind))
  if (clean) return null
  if (row.kind === 'mayGoto') return reject(i, EINVAL, `invalid may_goto imm ${code.imm[i]}`)
  return reject(i, EINVAL, `${row.group} uses reserved fields`)
}

/** Reserved by the standard, not looked at by Linux. */
const IGNORES_OFFSET = new Set(['exit'])

function checkAtomic({ code }: Structure, i: number, known: boolean): Rejection | null {
  if (known) return null
  const imm = code.imm[i]
  // An operation that exists, but not in this size, is a known one in another row of the table.
  const elsewhere = ATOMIC_IMMEDIATES.has(imm)
  if (elsewhere) return reject(i, EINVAL, 'invalid atomic operand size')
  return reject(i, EINVAL, `BPF_ATOMIC uses invalid atomic opcode ${(imm >>> 0).toString(16).padStart(2, '0')}`)
}

const ATOMIC_WORD = 0xc3
const ATOMIC_IMMEDIATES = new Set(rowsOf(ATOMIC_WORD).map((row) => row.selector?.value))

const READS = new Set<FieldUse>(['read', 'update'])
const WRITES = new Set<FieldUse>(['write', 'update'])

function checkRegisters({ code }: Structure, i: number, row: InstructionRow): Rejection | null {
  const { fields } = row
  const src = code.src[i]
  const dst = code.dst[i]
  const usesSrc = READS.has(fields.src)
  const usesDst = READS.has(fields.dst) || WRITES.has(fields.dst)
  if (usesSrc && src >= REGISTERS) return reject(i, EINVAL, `R${src} is invalid`)
  if (usesDst && dst >= REGISTERS) return reject(i, EINVAL, `R${dst} is invalid`)
  return null
}

/** Constant operands, and then the frame pointer, which no instruction may write. */
function checkOperand({ code }: Structure, i: number, row: InstructionRow): Rejection | null {
  const { fields } = row
  const imm = code.imm[i]
  if (fields.imm === 'divisor' && imm === 0) return reject(i, EINVAL, 'div by zero')
  if (fields.imm === 'shift' && (imm < 0 || imm >= row.width)) return reject(i, EINVAL, `invalid shift ${imm}`)
  const written =
    (WRITES.has(fields.dst) && code.dst[i] === FRAME_REGISTER) ||
    (fields.src === 'update' && code.src[i] === FRAME_REGISTER)
  return written ? reject(i, EACCES, 'frame pointer is read only') : null
}

function checkHelper({ code, options }: Structure, i: number): Rejection | null {
  const id = code.imm[i]
  const name = `${helperName(id)}#${id}`
  if (!isHelperId(id)) return reject(i, EINVAL, `invalid func ${name}`)
  if (!helperAllowed(id, options.type)) return reject(i, EINVAL, `program of this type cannot use helper ${name}`)
  if (helperGplOnly(id) && options.gplCompatible === false) {
    return reject(i, EINVAL, 'cannot call GPL-restricted function from non-GPL compatible program')
  }
  return null
}

/** Functions by the length of the longest chain of calls that leads to them; recursion is a chain without end. */
function checkCallDepth({ code, starts }: Structure): Rejection | null {
  const functionOf = (i: number): number => {
    let n = starts.length - 1
    while (starts[n] > i) n--
    return n
  }
  const calls: [number, number, number][] = []
  for (let i = 0; i < code.count; i++) {
    if (code.rows[i]?.kind === 'callLocal') calls.push([i, functionOf(i), functionOf(targetOf(code, i))])
  }
  let level = new Set([0])
  for (let depth = 1; level.size > 0; depth++) {
    const next = new Set<number>()
    for (const [i, caller, callee] of calls) {
      if (!level.has(caller)) continue
      if (depth >= FRAMES_MAX) return reject(i, E2BIG, `the call stack of ${depth + 1} frames is too deep`)
      next.add(callee)
    }
    level = next
  }
  return null
}
