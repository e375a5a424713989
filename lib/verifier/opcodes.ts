/** That every opcode exists, and that the constants of 16-byte loads are well formed and name existing maps. */
import { CLASS_MASK, InsnClass, MemoryMode, MODE_MASK, PseudoSource } from '../../shared/isa/opcodes.js'
import { isOpcode } from '../../shared/isa/table.js'
import { EBADF, EINVAL, EPROTO } from '../../shared/uapi/errno.js'
import { type Rejection, reject, type Structure } from './rejection.js'

export function checkOpcodes(structure: Structure): Rejection | null {
  const { code } = structure
  for (let i = 0; i < code.count; i++) {
    const opcode = code.opcode[i]
    if ((opcode & CLASS_MASK) === InsnClass.ldx) {
      const mode = opcode & MODE_MASK
      if ((mode !== MemoryMode.mem && mode !== MemoryMode.memsx) || code.imm[i] !== 0) {
        return reject(i, EINVAL, 'BPF_LDX uses reserved fields')
      }
    }
    if (code.wide[i] === 1) {
      const rejection = checkWide(structure, i)
      if (rejection) return rejection
      i++
    } else if (!isOpcode(opcode)) return reject(i, EINVAL, `unknown opcode ${opcode.toString(16).padStart(2, '0')}`)
  }
  return null
}

/** The two slots of ld_imm64. */
function checkWide({ code, options }: Structure, i: number): Rejection | null {
  const second = i + 1
  const wellFormed =
    second < code.count &&
    code.opcode[second] === 0 &&
    code.dst[second] === 0 &&
    code.src[second] === 0 &&
    code.off[second] === 0
  if (!wellFormed) return reject(i, EINVAL, 'invalid bpf_ld_imm64 insn')
  const source = code.src[i]
  switch (source) {
    case PseudoSource.value:
    case PseudoSource.btfId:
    case PseudoSource.function:
    case PseudoSource.mapValue:
    case PseudoSource.mapIndexValue:
      break
    case PseudoSource.mapFd:
    case PseudoSource.mapIndex:
      if (code.imm[second] === 0) break
      return reject(i, EINVAL, 'unrecognized bpf_ld_imm64 insn')
    default:
      return reject(i, EINVAL, 'unrecognized bpf_ld_imm64 insn')
  }
  if (source === PseudoSource.mapFd || source === PseudoSource.mapValue) {
    const fd = code.imm[i]
    if (options.isMap?.(fd) === false) {
      const errno = options.isOpen?.(fd) ? EINVAL : EBADF
      return reject(i, errno, `fd ${fd} is not pointing to valid bpf_map`)
    }
  }
  if ((source === PseudoSource.mapIndex || source === PseudoSource.mapIndexValue) && !options.mapsByIndex) {
    return reject(i, EPROTO, 'fd_idx without fd_array is invalid')
  }
  return null
}
