import type { TrapMap } from '../../shared/messages.js'

/** What the compiler must know of a map that a program refers to. Addresses are in the machine's memory. */
export interface MapFacts {
  /** Address of the map's header (MAP in shared/layout.ts). */
  readonly address: number
  /** Key of its operations: imports come from `map:<shape>`. */
  readonly shape: string
  /** BPF_MAP_TYPE_*. */
  readonly type: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly maxEntries: number
  /** Map flags (BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG count here). */
  readonly flags: number
  /** Address of the first value, for arrays (what ld_imm64 of a map value starts from); else 0. */
  readonly values: number
  /** The value of a frozen array that programs cannot write either: what they read of it is a constant. */
  readonly frozenValue?: Uint8Array
}

/**
 * checked: each access is compared with the regions the program may touch, and a violation traps.
 * direct: for verified programs.
 */
export type Mode = 'checked' | 'direct'

export interface CompileInput {
  readonly name: string
  /** BPF_PROG_TYPE_*. */
  readonly type: number
  /** 8 bytes each; ld_imm64 of maps still names them by fd (src 1, 2) or by index (src 5, 6). */
  readonly insns: Uint8Array
  /** Maps by the fd that the instructions name. */
  readonly maps: ReadonlyMap<number, MapFacts>
  /** Maps by index, for ld_imm64 with src 5 or 6. */
  readonly mapsByIndex?: readonly (MapFacts | undefined)[]
  /** Source line of an instruction: [insn, "file.c:12: text"], sorted. */
  readonly lines?: readonly (readonly [number, string])[]
  /** Names of subprograms by first instruction. */
  readonly subprograms?: readonly (readonly [number, string])[]
  /** Default: checked. */
  readonly mode?: Mode
  /** Functions of more than four times this many instructions become parts of this many. Default: 16,384. */
  readonly partInsns?: number
  /** Names the module in stack traces, so that a trap tells which of several programs it is in. */
  readonly moduleName?: string
}

export interface Compiled {
  /** The module; exports run(context i32, contextBytes i32, repeat i32) -> i32. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Everything an instance must be given: [module, name]. */
  readonly imports: [string, string][]
  /** Map shapes whose operations are imported (as `map:<shape>`). */
  readonly shapes: string[]
  readonly trapMap: TrapMap
}
