/**
 * Makes one loadable program of a function and the subprograms it calls: they are appended in the order in which a
 * depth-first walk meets them, calls point at their new places, BTF.ext follows.
 */
import { LIBBPF_ERRNO__RELOC } from '../../shared/uapi/libbpf_errno.js'
import { attempt, type Failure, refuse } from '../elf/failure.js'
import { functionAt } from './context.js'
import type { ObjectImage, ProgramImage, Relocation } from './image.js'
import { type LinkedInfo, type Piece, relocateInfo } from './link_info.js'
import { BPF_PSEUDO_CALL, OPCODE_CALL, OPCODE_LD_IMM64 } from './relocations.js'

const INSN_BYTES = 8
const BPF_PSEUDO_MAP_FD = 1
const BPF_PSEUDO_MAP_VALUE = 2
const BPF_PSEUDO_FUNC = 4

/** An instruction that loads a map: its address (fd), or the address of `offset` in its value (value). */
export interface MapReference {
  readonly insn: number
  /** Index into the image's maps. */
  readonly map: number
  readonly kind: 'fd' | 'value'
  readonly offset: number
}

/** An instruction that needs an extern: a call, or a load of its address or value. */
export interface ExternReference {
  readonly insn: number
  /** Index into the image's externs. */
  readonly extern: number
  readonly kind: 'call' | 'load'
}

export interface LinkedProgram extends LinkedInfo {
  /**
   * The instructions. A map reference has src_reg BPF_PSEUDO_MAP_FD or _VALUE and, in place of the descriptor, the
   * map's index; the offset of a value is in the second half already.
   */
  readonly insns: Uint8Array
  readonly mapRefs: readonly MapReference[]
  readonly externRefs: readonly ExternReference[]
  /** First instruction and name of each function, the program itself first. */
  readonly subprograms: readonly (readonly [number, string])[]
}

/**
 * Links `program`, one of `image.programs`.
 *
 * Errors: -LIBBPF_ERRNO__RELOC.
 */
export function linkProgram(image: ObjectImage, program: ProgramImage): LinkedProgram | Failure {
  return attempt(() => new Linker(image, program).link())
}

interface Walk {
  readonly piece: Piece
  readonly relocations: Map<number, Relocation>
  at: number
}

class Linker {
  private readonly pieces: Piece[] = []
  private readonly firstInsn = new Map<ProgramImage, number>()
  private readonly mapRefs: MapReference[] = []
  private readonly externRefs: ExternReference[] = []
  private insnCount = 0
  private readonly insnLimit: number
  private readonly textIndex: number
  private code = new Uint8Array(0)
  private view = new DataView(this.code.buffer)

  constructor(
    private readonly image: ObjectImage,
    private readonly program: ProgramImage,
  ) {
    this.textIndex = image.subprograms[0]?.sectionIndex ?? -1
    // Functions do not overlap, so a program cannot outgrow its own code and .text; one that does is damaged.
    const textEnd = image.subprograms.reduce((end, item) => Math.max(end, item.sectionInsn + insnsOf(item)), 0)
    this.insnLimit = insnsOf(program) + textEnd
  }

  link(): LinkedProgram {
    this.layOut()
    return {
      insns: this.code,
      mapRefs: this.mapRefs.sort((a, b) => a.insn - b.insn),
      externRefs: this.externRefs.sort((a, b) => a.insn - b.insn),
      subprograms: this.pieces.map(({ start, function: item }) => [start, item.name] as const),
      ...relocateInfo(this.image, this.pieces),
    }
  }

  /** Appends functions depth first, with a stack of its own: chains of calls may be as long as the file. */
  private layOut(): void {
    const calls: { piece: Piece; insn: number; target: ProgramImage }[] = []
    const stack: Walk[] = [this.append(this.program)]
    while (stack.length) {
      const walk = stack[stack.length - 1]
      const target = this.nextCall(walk)
      if (target === null) {
        stack.pop()
        continue
      }
      calls.push({ piece: walk.piece, insn: walk.at - 1, target })
      if (!this.firstInsn.has(target)) stack.push(this.append(target))
    }
    this.code = new Uint8Array(this.insnCount * INSN_BYTES)
    this.view = new DataView(this.code.buffer)
    for (const piece of this.pieces) this.copy(piece)
    for (const { piece, insn, target } of calls) this.setCall(piece.start + insn, this.firstInsn.get(target)!)
  }

  private append(item: ProgramImage): Walk {
    const piece = { function: item, start: this.insnCount }
    this.firstInsn.set(item, piece.start)
    this.pieces.push(piece)
    this.insnCount += insnsOf(item)
    if (this.insnCount > this.insnLimit) this.bad(`functions of .text overlap at '${item.name}'`)
    return { piece, relocations: new Map(item.relocations.map((entry) => [entry.insn, entry])), at: 0 }
  }

  private bad(text: string): never {
    return refuse(LIBBPF_ERRNO__RELOC, `prog '${this.program.name}': ${text}`)
  }

  /** The function that the next call or function reference of `walk` means; null at the end. */
  private nextCall(walk: Walk): ProgramImage | null {
    const item = walk.piece.function
    const { insns } = item
    const view = new DataView(insns.buffer, insns.byteOffset, insns.byteLength)
    for (; walk.at < insnsOf(item); walk.at++) {
      const byte = walk.at * INSN_BYTES
      const entry = walk.relocations.get(walk.at)
      const isCall = insns[byte] === OPCODE_CALL && insns[byte + 1] >> 4 === BPF_PSEUDO_CALL
      const isReference = insns[byte] === OPCODE_LD_IMM64 && entry?.kind === 'subprogram'
      if (insns[byte] === OPCODE_LD_IMM64 && insns[byte + 1] >> 4 === BPF_PSEUDO_FUNC && !isReference) {
        this.bad(`missing subprog addr relo for insn #${walk.at} of '${item.name}'`)
      }
      if ((!isCall && !isReference) || entry?.kind === 'externCall') continue
      const target = this.calledFunction(item, walk.at, view.getInt32(byte + 4, true), entry)
      walk.at++
      return target
    }
    return null
  }

  private calledFunction(
    item: ProgramImage,
    insn: number,
    immediate: number,
    entry: Relocation | undefined,
  ): ProgramImage {
    let called = item.sectionInsn + insn + immediate + 1
    if (entry?.kind === 'call') called = entry.offset / INSN_BYTES + immediate + 1
    else if (entry?.kind === 'subprogram') called = (entry.offset + immediate) / INSN_BYTES
    else if (entry) this.bad(`unexpected relo for insn #${insn} of '${item.name}', type ${entry.kind}`)
    const target = functionAt(this.image.subprograms, this.textIndex, called)
    const place = `insn #${insn} of '${item.name}', section '${item.section}'`
    return target ?? this.bad(`no .text section found yet sub-program call exists: ${place}`)
  }

  private copy(piece: Piece): void {
    this.code.set(piece.function.insns, piece.start * INSN_BYTES)
    for (const entry of piece.function.relocations) this.apply(entry, piece.start + entry.insn)
  }

  private apply(entry: Relocation, insn: number): void {
    const byte = insn * INSN_BYTES
    switch (entry.kind) {
      case 'map':
        this.setSource(byte, BPF_PSEUDO_MAP_FD)
        this.view.setUint32(byte + 4, entry.target, true)
        this.mapRefs.push({ insn, map: entry.target, kind: 'fd', offset: 0 })
        break
      case 'data': {
        const offset = (this.view.getInt32(byte + 4, true) + entry.offset) >>> 0
        this.setSource(byte, BPF_PSEUDO_MAP_VALUE)
        this.view.setUint32(byte + 4, entry.target, true)
        this.view.setUint32(byte + INSN_BYTES + 4, offset, true)
        this.mapRefs.push({ insn, map: entry.target, kind: 'value', offset })
        break
      }
      case 'subprogram':
        this.setSource(byte, BPF_PSEUDO_FUNC)
        break
      case 'externCall':
      case 'externLoad':
        this.externRefs.push({ insn, extern: entry.target, kind: entry.kind === 'externCall' ? 'call' : 'load' })
        break
    }
  }

  private setSource(byte: number, source: number): void {
    this.code[byte + 1] = (this.code[byte + 1] & 0x0f) | (source << 4)
  }

  private setCall(insn: number, target: number): void {
    this.view.setInt32(insn * INSN_BYTES + 4, target - insn - 1, true)
  }
}

function insnsOf(item: ProgramImage): number {
  return item.insns.length / INSN_BYTES
}
