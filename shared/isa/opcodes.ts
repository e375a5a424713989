/** Encoding of BPF instructions: RFC 9669, section 4 and 5, and what Linux 6.18 adds. */

/** Low three bits of an opcode. */
export const InsnClass = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const
export const CLASS_MASK = 7

/** Bit 3 of arithmetic and jump opcodes: the second operand is a register. */
export const SOURCE_REGISTER = 8

/** Bits 4 to 7 of arithmetic opcodes. */
export const AluOp = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const

/** Bits 4 to 7 of jump opcodes. */
export const JumpOp = {
  ja: 0x00,
  jeq: 0x10,
  jgt: 0x20,
  jge: 0x30,
  jset: 0x40,
  jne: 0x50,
  jsgt: 0x60,
  jsge: 0x70,
  call: 0x80,
  exit: 0x90,
  jlt: 0xa0,
  jle: 0xb0,
  jslt: 0xc0,
  jsle: 0xd0,
  jcond: 0xe0,
} as const

/** Bits 5 to 7 of load and store opcodes. */
export const MemoryMode = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const
export const MODE_MASK = 0xe0
/** Bits 3 and 4 of load and store opcodes. */
export const MemorySize = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 } as const

/** The immediate of an atomic instruction. */
export const ATOMIC_FETCH = 1
export const AtomicOp = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  xchg: 0xe1,
  cmpxchg: 0xf1,
  loadAcquire: 0x100,
  storeRelease: 0x110,
} as const

/** src_reg of a call. */
export const CallKind = { helper: 0, local: 1, kfunc: 2 } as const
/** src_reg of a jcond. */
export const ConditionKind = { mayGoto: 0 } as const
/** src_reg of ld_imm64: where the constant comes from. */
export const PseudoSource = {
  value: 0,
  mapFd: 1,
  mapValue: 2,
  btfId: 3,
  function: 4,
  mapIndex: 5,
  mapIndexValue: 6,
} as const

export const INSN_BYTES = 8
export const REGISTERS = 11
/** r10: read-only, the end of the stack frame. */
export const FRAME_REGISTER = 10
