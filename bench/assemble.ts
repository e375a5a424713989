/**
 * The few instructions that hand-written benchmark programs need, as bytes (RFC 9669, section 3).
 * Each function answers one instruction of 8 bytes, or 16 for the wide load; program() joins them.
 */

export function insn(opcode: number, dst: number, src: number, offset: number, imm: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, opcode)
  view.setUint8(1, dst | (src << 4))
  view.setInt16(2, offset, true)
  view.setInt32(4, imm | 0, true)
  return bytes
}

/** src_reg of a wide load whose imm is a map's descriptor. */
const PSEUDO_MAP_FD = 1

export const op = {
  movImm: (dst: number, imm: number) => insn(0xb7, dst, 0, 0, imm),
  movReg: (dst: number, src: number) => insn(0xbf, dst, src, 0, 0),
  addImm: (dst: number, imm: number) => insn(0x07, dst, 0, 0, imm),
  addReg: (dst: number, src: number) => insn(0x0f, dst, src, 0, 0),
  /** *(u64 *)(dst + offset) = imm, sign-extended. */
  storeImm64: (dst: number, offset: number, imm: number) => insn(0x7a, dst, 0, offset, imm),
  loadImm64: (dst: number, low: number, high = 0) => program(insn(0x18, dst, 0, 0, low), insn(0, 0, 0, 0, high)),
  /** The map's number stands for its descriptor until withMaps() or the peer puts the real one in. */
  loadMap: (dst: number, map: number) => program(insn(0x18, dst, PSEUDO_MAP_FD, 0, map), insn(0, 0, 0, 0, 0)),
  call: (helper: number) => insn(0x85, 0, 0, 0, helper),
  exit: () => insn(0x95, 0, 0, 0, 0),
}

export function program(...parts: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** A copy of `insns` whose map numbers are replaced by `descriptors`. */
export function withMaps(insns: Uint8Array, descriptors: readonly number[]): Uint8Array {
  const bytes = insns.slice()
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < bytes.length; at += 8) {
    if (bytes[at] !== 0x18) continue
    const source = bytes[at + 1] >> 4
    // BPF_PSEUDO_MAP_FD and BPF_PSEUDO_MAP_VALUE
    if (source === 1 || source === 2) view.setInt32(at + 4, descriptors[view.getInt32(at + 4, true)], true)
    at += 8
  }
  return bytes
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
