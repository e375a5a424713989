import * as bpf from '../../shared/uapi/bpf.js'
import { helperTypes } from './helper_types.js'

/** Types whose helpers also depend on what the program attaches to: nothing is refused on the type alone. */
const BY_ATTACH_TYPE = new Set([
  bpf.BPF_PROG_TYPE_LIRC_MODE2,
  bpf.BPF_PROG_TYPE_TRACING,
  bpf.BPF_PROG_TYPE_STRUCT_OPS,
  bpf.BPF_PROG_TYPE_EXT,
  bpf.BPF_PROG_TYPE_LSM,
])

/** The kernel's name of helper `id`, "unknown" beyond its table. */
export function helperName(id: number): string {
  return helperTypes[id]?.[1] ?? 'unknown'
}

/** Whether Linux 6.18 knows a helper of this number. */
export function isHelperId(id: number): boolean {
  return id >= 0 && id < helperTypes.length
}

/** Whether programs of `type` may call helper `id`. */
export function helperAllowed(id: number, type: number): boolean {
  if (BY_ATTACH_TYPE.has(type)) return id !== 0
  // Masks have 33 bits: no bit operators.
  return Math.floor(helperTypes[id][3] / 2 ** type) % 2 === 1
}

export function helperGplOnly(id: number): boolean {
  return helperTypes[id][2]
}
