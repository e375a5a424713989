/** bpf_program__*: what a program of an object is, and what can be changed before it is loaded. */
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { intResult, nullResult, zeroResult } from './errno.js'
import { warn } from './print.js'
import { bpf_program } from './structs.js'

const INSN_BYTES = 8
const LOG_LEVEL_MAX = 7

/** The program's (function's) name. */
export function bpf_program__name(prog: bpf_program | null): string {
  if (!(prog instanceof bpf_program)) return ''
  return prog.image.name
}

/** The SEC() name, without a leading "?". */
export function bpf_program__section_name(prog: bpf_program | null): string {
  if (!(prog instanceof bpf_program)) return ''
  return prog.image.section
}

/** The program's descriptor; -ENOENT before load. */
export function bpf_program__fd(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  return prog.fd < 0 ? intResult(-ENOENT) : prog.fd
}

/** BPF_PROG_TYPE_*. */
export function bpf_program__type(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return zeroResult(EINVAL)
  return prog.type
}

/** The name bpf_program__type had before. */
export const bpf_program__get_type = bpf_program__type

/** -EBUSY after load. */
export function bpf_program__set_type(prog: bpf_program | null, type: number): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  prog.type = type
  return 0
}

/** The attach type given to BPF_PROG_LOAD. */
export function bpf_program__expected_attach_type(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return zeroResult(EINVAL)
  return prog.expectedAttachType
}

/** The name bpf_program__expected_attach_type had before. */
export const bpf_program__get_expected_attach_type = bpf_program__expected_attach_type

/** -EBUSY after load. */
export function bpf_program__set_expected_attach_type(prog: bpf_program | null, type: number): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  prog.expectedAttachType = type
  return 0
}

/** Whether bpf_object__load loads it; false for SEC("?..."). */
export function bpf_program__autoload(prog: bpf_program | null): boolean {
  if (!(prog instanceof bpf_program)) return false
  return prog.autoload
}

/** -EINVAL after load. */
export function bpf_program__set_autoload(prog: bpf_program | null, autoload: boolean): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EINVAL)
  prog.autoload = autoload
  return 0
}

/** Whether a skeleton attaches it. */
export function bpf_program__autoattach(prog: bpf_program | null): boolean {
  if (!(prog instanceof bpf_program)) return false
  return prog.autoattach
}

export function bpf_program__set_autoattach(prog: bpf_program | null, autoattach: boolean): void {
  if (!(prog instanceof bpf_program)) return
  prog.autoattach = autoattach
}

/** The instructions, 8 bytes each: as in the file before load, as handed to the kernel after it. */
export function bpf_program__insns(prog: bpf_program | null): Uint8Array {
  if (!(prog instanceof bpf_program)) return new Uint8Array(0)
  return prog.insns
}

/** Count of instructions. */
export function bpf_program__insn_cnt(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return zeroResult(EINVAL)
  return prog.insns.length / INSN_BYTES
}

/** Replaces the instructions (copied; a multiple of 8 bytes): -EBUSY after load. */
export function bpf_program__set_insns(prog: bpf_program | null, new_insns: Uint8Array): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  if (!(new_insns instanceof Uint8Array) || new_insns.length % INSN_BYTES !== 0) return intResult(-EINVAL)
  prog.insns = new_insns.slice()
  return 0
}

/** The prog_flags given to BPF_PROG_LOAD. */
export function bpf_program__flags(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return zeroResult(EINVAL)
  return prog.flags
}

/** -EBUSY after load. */
export function bpf_program__set_flags(prog: bpf_program | null, flags: number): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  prog.flags = flags
  return 0
}

/** 0, or bits 1 (instructions), 2 (states), 4 (statistics). */
export function bpf_program__log_level(prog: bpf_program | null): number {
  if (!(prog instanceof bpf_program)) return zeroResult(EINVAL)
  return prog.logLevel
}

/** -EBUSY after load. */
export function bpf_program__set_log_level(prog: bpf_program | null, log_level: number): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  if (log_level < 0 || log_level > LOG_LEVEL_MAX) return intResult(-EINVAL)
  prog.logLevel = log_level
  return 0
}

/** The caller's log buffer; null when there is none. */
export function bpf_program__log_buf(prog: bpf_program | null): Uint8Array | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  return prog.logBuf
}

/** Gives load a buffer for the verifier's log (NUL-terminated text): -EBUSY after load. */
export function bpf_program__set_log_buf(prog: bpf_program | null, log_buf: Uint8Array | null): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  if (prog.object.loaded) return intResult(-EBUSY)
  prog.logBuf = log_buf instanceof Uint8Array ? log_buf : null
  return 0
}

/** Offload to a device: the simulated machine has none, so only 0 does anything. */
export function bpf_program__set_ifindex(prog: bpf_program | null, ifindex: number): void {
  if (!(prog instanceof bpf_program)) return
  if (ifindex !== 0) warn(`prog '${prog.image.name}': offload to ifindex ${ifindex} is not supported`)
}

/** Closes the program's descriptor. */
export function bpf_program__unload(prog: bpf_program | null): void {
  if (!(prog instanceof bpf_program)) return
  if (!prog || prog.fd < 0) return
  prog.object.kernel?.close(prog.fd)
  prog.fd = -1
}

/** Attaching to BTF targets needs a kernel BTF: -EOPNOTSUPP. */
export function bpf_program__set_attach_target(
  prog: bpf_program | null,
  _attach_prog_fd: number,
  _attach_func_name: string | null,
): number {
  if (!(prog instanceof bpf_program)) return intResult(-EINVAL)
  warn(`prog '${prog.image.name}': attach targets in BTF are not supported yet`)
  return intResult(-EOPNOTSUPP)
}
