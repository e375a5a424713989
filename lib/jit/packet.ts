/** The packet loads of classic BPF: LD_ABS and LD_IND. Outside the packet they end the program with 0. */
import type { InstructionRow } from '../../shared/isa/table.js'
import { EINVAL } from '../../shared/uapi/errno.js'
import { Op } from '../../shared/wasm/opcodes.js'
import { emitSwapOf } from './alu.js'
import { JitError } from './error.js'
import type { FunctionEmitter } from './function.js'

const CONTEXT_REGISTER = 6
const LOAD = { 1: Op.i64_load8_u, 2: Op.i64_load16_u, 4: Op.i64_load32_u } as const

/** r6 holds the context; the value arrives in r0 in host order. */
export function emitPacketLoad(e: FunctionEmitter, row: InstructionRow, i: number): void {
  const { f, code, module } = e
  const { packet } = module.type
  if (packet === null) throw new JitError(i, -EINVAL, 'BPF_LD_[ABS|IND] instructions not allowed for this program type')
  const bytes = row.bytes as 1 | 2 | 4
  const at = e.temporary32
  const context = () => (e.checked ? f.get(e.context) : e.push32(CONTEXT_REGISTER))
  if (row.operand === 'reg') {
    e.push32(code.src[i])
    f.i32Const(code.imm[i])
    f.op(Op.i32_add)
  } else f.i32Const(code.imm[i])
  f.set(at)
  // Compared as 64-bit numbers: offset + bytes cannot wrap round.
  f.get(at)
  f.op(Op.i64_extend_i32_u)
  f.i64Const(bytes, 0)
  f.op(Op.i64_add)
  context()
  f.memory(Op.i32_load, packet.dataEnd)
  context()
  f.memory(Op.i32_load, packet.data)
  f.op(Op.i32_sub)
  f.op(Op.i64_extend_i32_u)
  f.op(Op.i64_gt_u)
  f.if_()
  f.i64Const(0, 0)
  e.set64(0)
  e.exit()
  f.end()
  context()
  f.memory(Op.i32_load, packet.data)
  f.get(at)
  f.op(Op.i32_add)
  f.memory(LOAD[bytes], 0)
  e.set64(0)
  emitSwapOf(e, bytes, 0)
}
