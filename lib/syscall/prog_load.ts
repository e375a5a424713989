/** BPF_PROG_LOAD: checks, compilation, and publication to every CPU (bpf(2); kernel behaviour asked). */
import { MAP } from '../../shared/layout.js'
import {
  __MAX_BPF_PROG_TYPE,
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_PROG_ARRAY,
  BPF_PROG_TYPE_UNSPEC,
} from '../../shared/uapi/bpf.js'
import { BPF_F_RDONLY_PROG } from '../../shared/uapi/bpf_flags.js'
import { E2BIG, EBADF, EINVAL, ENOSPC } from '../../shared/uapi/errno.js'
import { compile } from '../jit/compile.js'
import { JitError } from '../jit/error.js'
import type { MapFacts } from '../jit/input.js'
import { checkStructure } from '../verifier/structure.js'
import type { Kernel } from './kernel.js'
import { MapFile, type MapObject } from './map_object.js'
import { objectName } from './names.js'
import { ProgramFile, ProgramObject } from './program_object.js'

/** The fields of union bpf_attr for BPF_PROG_LOAD, by the header's names; absent means 0. */
export interface ProgLoadAttr {
  prog_type: number
  insns: Uint8Array
  license: string
  prog_name?: string
  prog_flags?: number
  prog_ifindex?: number
  expected_attach_type?: number
  log_level?: number
  log_buf?: Uint8Array | null
  /** Descriptors for ld_imm64 that name a map by index. */
  fd_array?: readonly number[] | Int32Array
  /** Source line of an instruction: [insn, "file.c:12: text"], sorted; stands for func_info and line_info. */
  lines?: readonly (readonly [number, string])[]
  subprograms?: readonly (readonly [number, string])[]
  /** Out: bytes the whole log has, its NUL included. */
  log_true_size?: number
}

export const INSN_BYTES = 8
const INSNS_MAX = 1_000_000
/** Every flag of BPF_PROG_LOAD that Linux 6.18 knows. */
const PROG_FLAGS = 0xff
const LOG_LEVEL_MASK = 7
const LD_IMM64 = 0x18

const gplLicenses = new Set([
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
])

/** Collects the verifier's log for the caller's buffer. */
class Log {
  #text = ''

  constructor(readonly level: number) {}

  write(text: string): void {
    if (this.level !== 0 && text !== '') this.#text += text.endsWith('\n') ? text : `${text}\n`
  }

  /** Copies the log out, NUL-terminated: -ENOSPC when it is cut (its beginning is kept off, as in Linux). */
  finish(attr: ProgLoadAttr): number {
    if (this.level === 0 || !attr.log_buf) return 0
    const bytes = new TextEncoder().encode(this.#text)
    attr.log_true_size = bytes.length + 1
    const room = attr.log_buf.length - 1
    const cut = Math.max(0, bytes.length - room)
    attr.log_buf.set(bytes.subarray(cut))
    attr.log_buf[Math.min(bytes.length, room)] = 0
    return cut > 0 ? -ENOSPC : 0
  }
}

interface UsedMaps {
  byFd: Map<number, MapFacts>
  byIndex: MapFacts[]
  objects: MapObject[]
}

function mapFacts(map: MapObject): MapFacts {
  const { attr, address } = map
  const { u8, u32 } = map.kernel.machine.views
  const values = u32[(address + MAP.values) >>> 2]
  const { type, keyBytes, valueBytes, maxEntries, flags } = attr
  const constant = map.frozen && (flags & BPF_F_RDONLY_PROG) !== 0 && type === BPF_MAP_TYPE_ARRAY && maxEntries === 1
  const frozenValue = constant ? u8.slice(values, values + valueBytes) : undefined
  return { address, shape: map.shape, type, keyBytes, valueBytes, maxEntries, flags, values, frozenValue }
}

/** The maps that ld_imm64 instructions name by descriptor or index; a negative errno for one that is no map. */
function usedMaps(kernel: Kernel, attr: ProgLoadAttr, log: Log): UsedMaps | number {
  const used: UsedMaps = { byFd: new Map(), byIndex: [], objects: [] }
  const view = new DataView(attr.insns.buffer, attr.insns.byteOffset, attr.insns.byteLength)
  const resolve = (fd: number): MapFacts | number => {
    const file = kernel.files.get(fd)
    if (!(file instanceof MapFile)) {
      log.write(`fd ${fd} is not pointing to valid bpf_map`)
      return file === undefined ? -EBADF : -EINVAL
    }
    if (!used.objects.includes(file.map)) used.objects.push(file.map)
    return mapFacts(file.map)
  }
  for (let at = 0; at + INSN_BYTES <= attr.insns.length; at += INSN_BYTES) {
    if (attr.insns[at] !== LD_IMM64) continue
    const source = attr.insns[at + 1] >> 4
    const imm = view.getInt32(at + 4, true)
    const byIndex = source === 5 || source === 6
    if (!byIndex && source !== 1 && source !== 2) continue
    const fd = byIndex ? attr.fd_array?.[imm] : imm
    if (fd === undefined) {
      log.write('fd_idx without fd_array is invalid')
      return -EINVAL
    }
    const facts = resolve(fd)
    if (typeof facts === 'number') return facts
    if (byIndex) used.byIndex[imm] = facts
    else used.byFd.set(fd, facts)
    at += INSN_BYTES
  }
  return used
}

function checkAttributes(attr: ProgLoadAttr): number {
  if ((attr.log_level ?? 0) & ~LOG_LEVEL_MASK || (attr.log_level && !attr.log_buf)) return -EINVAL
  if ((attr.prog_flags ?? 0) & ~PROG_FLAGS) return -EINVAL
  if (attr.insns.length === 0 || attr.insns.length > INSNS_MAX * INSN_BYTES) return -E2BIG
  if (attr.insns.length % INSN_BYTES !== 0) return -EINVAL
  if (attr.prog_type === BPF_PROG_TYPE_UNSPEC || attr.prog_type >= __MAX_BPF_PROG_TYPE) return -EINVAL
  return objectName(attr.prog_name ?? '') === null ? -EINVAL : 0
}

/** Makes each module's name the only one of its kind in the process. */
let modulesBuilt = 0

/** Checks and compiles; publishes to the CPUs under the new program's id. */
function build(kernel: Kernel, attr: ProgLoadAttr, log: Log): ProgramObject | number {
  const gplCompatible = gplLicenses.has(attr.license)
  const verdict = checkStructure(attr.insns, {
    type: attr.prog_type,
    gplCompatible,
    isMap: (fd) => kernel.files.get(fd) instanceof MapFile,
    mapsByIndex: attr.fd_array?.length ?? 0,
  })
  if (verdict.errno !== 0) {
    log.write('log' in verdict ? verdict.log : '')
    return verdict.errno
  }
  const maps = usedMaps(kernel, attr, log)
  if (typeof maps === 'number') return maps
  const name = attr.prog_name ?? ''
  const type = attr.prog_type
  const arrays = maps.objects.filter((map) => map.attr.type === BPF_MAP_TYPE_PROG_ARRAY)
  if (!arrays.every((map) => map.fitsProgram(type))) return -EINVAL
  const compiled = compile({
    name,
    type,
    insns: attr.insns,
    maps: maps.byFd,
    mapsByIndex: maps.byIndex,
    lines: attr.lines,
    subprograms: attr.subprograms,
    moduleName: `prog${++modulesBuilt}`,
  })
  const module = new WebAssembly.Module(compiled.bytes)
  const { shapes, trapMap } = compiled
  const program = new ProgramObject(kernel, {
    name,
    type,
    expectedAttachType: attr.expected_attach_type ?? 0,
    gplCompatible,
    insns: attr.insns.slice(),
    maps: maps.objects,
    mapsByFd: maps.byFd,
    mapsByIndex: maps.byIndex,
    lines: attr.lines ?? [],
    subprograms: trapMap.subprograms,
    loadTimeNs: Math.round(performance.now() * 1e6),
  })
  kernel.machine.publish({ kind: 'program', program: program.id, name, type, module, shapes, trapMap })
  return program
}

/** BPF_PROG_LOAD: a descriptor or a negative errno, with the reason in attr.log_buf when log_level is not 0. */
export function loadProgram(kernel: Kernel, attr: ProgLoadAttr): number {
  const error = checkAttributes(attr)
  if (error < 0) return error
  const log = new Log(attr.log_level ?? 0)
  let result: ProgramObject | number
  try {
    result = build(kernel, attr, log)
  } catch (caught) {
    // WebAssembly limits the size of a function: what is too long for it is too long for a program.
    const tooLong = caught instanceof WebAssembly.CompileError || caught instanceof RangeError
    if (!tooLong && !(caught instanceof JitError)) throw caught
    log.write(caught.message)
    result = caught instanceof JitError ? caught.errno : -E2BIG
  }
  const cut = log.finish(attr)
  if (typeof result === 'number') return result
  const file = new ProgramFile(result)
  if (cut < 0) {
    file.put()
    kernel.settle()
    return cut
  }
  return kernel.files.install(file)
}
