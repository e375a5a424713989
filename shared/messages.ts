/** What crosses between threads as structured messages: everything that changes rarely. Events never do. */

/** The operations of one map shape, to be instantiated into every thread's function table at `operations`. */
export interface MapOperationsMessage {
  kind: 'mapOperations'
  /** Key of the shape, e.g. "hash:k4:v8": JIT-compiled programs import from "map:<shape>". */
  shape: string
  /** First slot in the function table: see MapOp. */
  operations: number
  module: WebAssembly.Module
}

/** A compiled program, ready to be instantiated. */
export interface ProgramMessage {
  kind: 'program'
  program: number
  name: string
  /** BPF_PROG_TYPE_*. */
  type: number
  module: WebAssembly.Module
  /** Shapes the module imports operations of. */
  shapes: string[]
  trapMap: TrapMap
}

/** From a WASM offset to a BPF instruction, per function of the module; arrays sorted by offset. */
export interface TrapMap {
  /** The module's name in stack traces; empty when it has none. */
  module: string
  functions: { index: number; offsets: Uint32Array; insns: Uint32Array }[]
  /** Source line of an instruction, by instruction index: [insn, "file.c:12: text"], sorted. */
  lines: [number, string][]
  /** Names of subprograms by first instruction, sorted. */
  subprograms: [number, string][]
}

/** Attaches a program to a hook; the hook's name says what fires it, e.g. "kprobe:__x64_sys_write". */
export interface AttachMessage {
  kind: 'attach'
  link: number
  hook: string
  program: number
  /** bpf_get_attach_cookie, low and high word. */
  cookie: [number, number]
}

export interface DetachMessage {
  kind: 'detach'
  link: number
}

export interface UnloadMessage {
  kind: 'unload'
  program: number
}

/** Makes a module executable under a path of the simulated file system. */
export interface ExecutableMessage {
  kind: 'executable'
  path: string
  url: string
}

/** State that every CPU, a restarted one too, must have: sent in order, applied at the next hook or doorbell. */
export type Publication =
  | MapOperationsMessage
  | ProgramMessage
  | AttachMessage
  | DetachMessage
  | UnloadMessage
  | ExecutableMessage

/** Starts a task on the CPU that receives this. */
export interface SpawnMessage {
  kind: 'spawn'
  /** Address of the task's slot, claimed by the sender, and the pid it was given: a slot may be used again. */
  task: number
  pid: number
  url: string
  /** The export of the module that is the task's body. */
  exportName: string
  args: string[]
}

/** Has a program interpreted instead of compiled on the CPU that receives this, under a debugger's control. */
export interface DebugMessage {
  kind: 'debug'
  program: number
  /** Address of its DEBUG record; 0: the program is compiled again. */
  session: number
  insns: Uint8Array
  /** For each ld_imm64 of a map, by its instruction: the map's address, and that of its values. */
  maps: { insn: number; address: number; values: number }[]
  /** Where the context keeps the packet's bounds, or null. */
  packet: { data: number; dataEnd: number; dataMeta: number } | null
  /** Suffix of packet helpers' names. */
  packetOutput: 'xdp' | 'skb' | null
}

/** Not repeated to a restarted CPU. */
export type CpuCommand = SpawnMessage | DebugMessage

/** What a CPU tells the main thread, besides shared memory. */
export interface TrapReport {
  kind: 'trap'
  cpu: number
  program: number
  programName: string
  /** Names program, instruction, source line and the access. */
  message: string
}

export interface WorkloadError {
  kind: 'workloadError'
  cpu: number
  pid: number
  message: string
}

export type CpuReport = TrapReport | WorkloadError
