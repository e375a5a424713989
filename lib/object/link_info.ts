/** BTF.ext of a linked program: records of the functions it is made of, with instruction numbers of the whole. */
import type { ExtInfo, ExtSection } from '../btf/ext.js'
import type { ObjectImage, ProgramImage } from './image.js'

const INSN_BYTES = 8

/** A function and the instruction of the linked program where it begins. */
export interface Piece {
  readonly function: ProgramImage
  readonly start: number
}

/** Records as BPF_PROG_LOAD takes them (func_info, line_info): instruction numbers, not bytes. */
export interface InfoRecords {
  readonly recordBytes: number
  readonly count: number
  readonly bytes: Uint8Array
}

export interface LinkedInfo {
  readonly funcInfo: InfoRecords
  readonly lineInfo: InfoRecords
  /** Instruction and source line, "file.c:LINE: text", where a line begins. */
  readonly lines: readonly (readonly [number, string])[]
}

export function relocateInfo(image: ObjectImage, pieces: readonly Piece[]): LinkedInfo {
  const funcInfo = gather(image, image.btfExt?.functions, pieces)
  const lineInfo = gather(image, image.btfExt?.lines, pieces)
  return { funcInfo, lineInfo, lines: sourceLines(image, lineInfo) }
}

function gather(image: ObjectImage, info: ExtInfo | undefined, pieces: readonly Piece[]): InfoRecords {
  if (!info || !image.btf || !image.btfExt) return { recordBytes: 0, count: 0, bytes: new Uint8Array(0) }
  const order = image.btfExt.littleEndian
  const { recordBytes } = info
  const byName = new Map<string, ExtSection>()
  for (const section of info.sections) byName.set(image.btf.string(section.nameOffset) ?? '', section)
  const found: { piece: Piece; records: DataView; from: number; to: number }[] = []
  let count = 0
  for (const piece of pieces) {
    const section = byName.get(image.sectionNames[piece.function.sectionIndex])
    if (!section) continue
    const { records } = section
    const first = piece.function.sectionInsn * INSN_BYTES
    const from = lowerBound(records, recordBytes, section.count, first, order)
    const to = lowerBound(records, recordBytes, section.count, first + piece.function.insns.length, order)
    if (to <= from) continue
    found.push({ piece, records, from, to })
    count += to - from
  }
  const bytes = new Uint8Array(count * recordBytes)
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const { piece, records, from, to } of found) {
    const source = new Uint8Array(records.buffer, records.byteOffset + from * recordBytes, (to - from) * recordBytes)
    bytes.set(source, at)
    for (const end = at + source.length; at < end; at += recordBytes) {
      const inSection = Math.floor(view.getUint32(at, order) / INSN_BYTES)
      view.setUint32(at, inSection - piece.function.sectionInsn + piece.start, order)
    }
  }
  return { recordBytes, count, bytes }
}

/** Number of the first record at or after byte `wanted` of the section. Compilers sort records by place. */
function lowerBound(records: DataView, recordBytes: number, count: number, wanted: number, order: boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (records.getUint32(middle * recordBytes, order) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

function sourceLines(image: ObjectImage, info: InfoRecords): (readonly [number, string])[] {
  const { btf, btfExt } = image
  if (!btf || !btfExt) return []
  const view = new DataView(info.bytes.buffer)
  const order = btfExt.littleEndian
  const lines: (readonly [number, string])[] = []
  for (let at = 0; at < info.bytes.length; at += info.recordBytes) {
    const file = btf.string(view.getUint32(at + 4, order)) ?? ''
    const text = btf.string(view.getUint32(at + 8, order)) ?? ''
    const line = view.getUint32(at + 12, order) >>> 10
    // Line 0 is code of the compiler's own; it belongs to the line before.
    if (line > 0) lines.push([view.getUint32(at, order), `${baseName(file)}:${line}: ${text.trim()}`])
  }
  return lines
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
