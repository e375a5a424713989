/** Makes a program smaller as long as it stays interesting. */
import { helperById } from '#shared/helpers/table.js'
import { type Code, decode, encode, targetOf } from '#shared/isa/decode.js'
import { REGISTERS } from '#shared/isa/opcodes.js'
import { disassemble } from '#shared/isa/text.js'

const BYTES = 8
const NOTHING = encode(0x05, 0, 0, 0, 0)
const ARGUMENTS = 5
const FIRST_SAVED = 6
const FRAME = 10

const bit = (register: number): number => 1 << register

/** Registers that the instruction at `i` reads and writes, as masks. */
function uses(code: Code, i: number): { reads: number; writes: number; forgets: number } {
  const row = code.rows[i]
  if (!row) return { reads: 0, writes: 0, forgets: 0 }
  let reads = 0
  let writes = 0
  let forgets = 0
  for (const field of ['dst', 'src'] as const) {
    const use = row.fields[field]
    if (use === 'read' || use === 'update') reads |= bit(code[field][i])
    if (use === 'write' || use === 'update') writes |= bit(code[field][i])
  }
  if (row.operation === 'cmpxchg') {
    reads |= bit(0)
    writes |= bit(0)
  }
  if (row.kind === 'exit') reads |= bit(0)
  if (row.kind.startsWith('call')) {
    for (let r = 0; r <= ARGUMENTS; r++) forgets |= bit(r)
    const args = row.kind === 'callHelper' ? (helperById(code.imm[i])?.args.length ?? 0) : 0
    for (let r = 1; r <= args; r++) reads |= bit(r)
    writes |= bit(0)
  }
  return { reads, writes, forgets }
}

/**
 * Whether every register is written before it is read, on every path of each function: what the engines must agree on.
 * Functions start with r1 to r5 and r10, the first one with r1 and r10.
 */
export function initialised(insns: Uint8Array): boolean {
  const code = decode(insns)
  const known = new Int32Array(code.count).fill(-1)
  const work: number[] = []
  const all = (1 << REGISTERS) - 1
  const reach = (i: number, mask: number): void => {
    if (i < 0 || i >= code.count) return
    const met = known[i] < 0 ? mask : known[i] & mask
    if (met === known[i]) return
    known[i] = met
    work.push(i)
  }
  const functionMask = all & ~bit(0) & ((1 << FIRST_SAVED) - 1)
  reach(0, bit(1) | bit(FRAME))
  while (work.length > 0) {
    const i = work.pop() as number
    const row = code.rows[i]
    if (!row) return false
    const { reads, writes, forgets } = uses(code, i)
    if ((reads & ~known[i]) !== 0) return false
    const after = (known[i] & ~forgets) | writes
    if (row.kind === 'exit') continue
    if (row.kind === 'callLocal') reach(targetOf(code, i), functionMask | bit(FRAME))
    if (row.name === 'imm64.function') reach(i + 1 + code.imm[i], functionMask | bit(FRAME))
    if (row.kind === 'jump' || row.kind === 'branch' || row.kind === 'mayGoto') reach(targetOf(code, i), after)
    if (row.kind !== 'jump') reach(i + (code.wide[i] === 1 ? 2 : 1), after)
  }
  return true
}

/** `insns` with the instructions [from, to) made jumps to the next one. */
function blanked(insns: Uint8Array, code: Code, from: number, to: number): Uint8Array | null {
  const result = insns.slice()
  let changed = false
  for (let i = from; i < Math.min(to, code.count); i++) {
    const row = code.rows[i]
    if (code.wide[i] === 2 && i === from) continue
    if (row?.kind === 'exit') continue
    if (row?.kind === 'jump' && targetOf(code, i) === i + 1) continue
    changed = true
    result.set(NOTHING, i * BYTES)
    if (code.wide[i] === 1) result.set(NOTHING, (i + 1) * BYTES)
  }
  return changed ? result : null
}

/** `insns` with what no path leads to made jumps to the next instruction: functions that nobody calls any more. */
function withoutDeadCode(insns: Uint8Array): Uint8Array {
  const code = decode(insns)
  const seen = new Uint8Array(code.count)
  const work = [0]
  while (work.length > 0) {
    const i = work.pop() as number
    const row = code.rows[i]
    if (i < 0 || i >= code.count || seen[i] || !row) continue
    seen[i] = 1
    if (code.wide[i] === 1) seen[i + 1] = 1
    if (row.fields.off === 'target' || row.fields.imm === 'target') work.push(targetOf(code, i))
    if (row.name === 'imm64.function') work.push(i + 1 + code.imm[i])
    if (row.kind !== 'exit' && row.kind !== 'jump') work.push(i + (code.wide[i] === 1 ? 2 : 1))
  }
  const result = insns.slice()
  for (let i = 0; i < code.count; i++) if (!seen[i]) result.set(NOTHING, i * BYTES)
  return result
}

/** `insns` without its jumps to the next instruction; distances are corrected. */
export function compact(insns: Uint8Array): Uint8Array {
  const code = decode(insns)
  const place = new Int32Array(code.count + 1)
  let count = 0
  const isNothing = (i: number): boolean => code.rows[i]?.name === 'ja' && code.off[i] === 0
  for (let i = 0; i < code.count; i++) {
    place[i] = count
    if (!isNothing(i)) count++
  }
  place[code.count] = count
  const result = new Uint8Array(count * BYTES)
  const view = new DataView(result.buffer)
  for (let i = 0; i < code.count; i++) {
    if (isNothing(i)) continue
    const at = place[i] * BYTES
    result.set(insns.subarray(i * BYTES, (i + 1) * BYTES), at)
    const row = code.rows[i]
    const isPointer = row?.name === 'imm64.function'
    if (row?.fields.off === 'target') view.setInt16(at + 2, place[targetOf(code, i)] - place[i] - 1, true)
    if (row?.fields.imm === 'target') view.setInt32(at + 4, place[targetOf(code, i)] - place[i] - 1, true)
    if (isPointer) view.setInt32(at + 4, place[i + 1 + code.imm[i]] - place[i] - 1, true)
  }
  return result
}

/** The smallest program that could be found with `interesting` still true of it; it is true of `insns`. */
export async function shrink(
  insns: Uint8Array,
  interesting: (candidate: Uint8Array) => Promise<boolean> | boolean,
): Promise<Uint8Array> {
  let best = insns
  const holds = async (candidate: Uint8Array) => initialised(candidate) && (await interesting(candidate))
  for (let again = true; again; ) {
    again = false
    for (let size = Math.max(1, best.length / BYTES / 2) | 0; size >= 1; size >>= 1) {
      for (let from = best.length / BYTES - size; from > -size; from -= size) {
        const code = decode(best)
        const candidate = blanked(best, code, Math.max(0, from), Math.max(0, from) + size)
        const small = candidate && compact(withoutDeadCode(candidate))
        if (small && (await holds(small))) {
          best = small
          again = true
        }
      }
    }
  }
  return best
}

/** One line per instruction, with its index. */
export function listing(insns: Uint8Array): string[] {
  const code = decode(insns)
  const lines: string[] = []
  for (let i = 0; i < code.count; i++) if (code.wide[i] !== 2) lines.push(`${i}: ${disassemble(code, i)}`)
  return lines
}
