import type { Code } from '../../shared/isa/decode.js'

export interface StructureOptions {
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  /** The license is GPL-compatible. Default: true. */
  readonly gplCompatible?: boolean
  /** Whether an fd names a map; without it every fd does. */
  readonly isMap?: (fd: number) => boolean
  /** Whether an fd that is no map is open at all (-EINVAL instead of -EBADF). */
  readonly isOpen?: (fd: number) => boolean
  /** Number of maps in fd_array, for ld_imm64 by index. */
  readonly mapsByIndex?: number
}

export interface Rejection {
  /** Negative errno. */
  readonly errno: number
  /** The kernel's last line: what was wrong. */
  readonly message: string
  /** Instruction at fault, -1 for the program as a whole. */
  readonly insn: number
}

/** The parts of one check share this. */
export interface Structure {
  readonly code: Code
  readonly options: StructureOptions
  /** First instructions of the program's functions, rising. */
  readonly starts: readonly number[]
}

export function reject(insn: number, errno: number, message: string): Rejection {
  return { insn, errno: -errno, message }
}
