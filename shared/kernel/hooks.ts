/**
 * Every place in the simulated kernel where a program can be attached. Names of hooks: "kprobe:SYMBOL",
 * "kretprobe:SYMBOL", "tracepoint:CATEGORY/NAME", "raw_tp:NAME".
 */
import { kernelSyscalls } from './syscalls.js'

/** Functions besides the system calls' own entries that kprobes can be put on, with their arguments in order. */
export const kernelFunctions = {
  ksys_read: ['fd', 'buf', 'count'],
  ksys_write: ['fd', 'buf', 'count'],
  vfs_read: ['file', 'buf', 'count', 'pos'],
  vfs_write: ['file', 'buf', 'count', 'pos'],
  do_sys_openat2: ['dfd', 'filename', 'how'],
  do_unlinkat: ['dfd', 'name'],
  hrtimer_nanosleep: ['rqtp', 'mode', 'clockid'],
  do_group_exit: ['exit_code'],
  do_exit: ['code'],
} as const satisfies Record<string, readonly string[]>

export type KernelFunction = keyof typeof kernelFunctions

export interface Tracepoint {
  readonly category: string
  readonly name: string
  /** What tracefs has in the event's id file, and common_type in its records. */
  readonly id: number
}

const SCHED_EVENTS = { sched_process_exec: 365, sched_process_fork: 366, sched_process_exit: 369 } as const
const RAW_SYSCALL_EVENTS = { sys_exit: 442, sys_enter: 443 } as const
/** The first id of the system calls' events: sys_exit_NAME, then sys_enter_NAME, for each call in order of number. */
const SYSCALL_EVENTS_FIRST = 444

const tracepoints = new Map<string, Tracepoint>()

function addTracepoint(category: string, name: string, id: number): void {
  tracepoints.set(`${category}/${name}`, { category, name, id })
}

for (const [name, id] of Object.entries(SCHED_EVENTS)) addTracepoint('sched', name, id)
for (const [name, id] of Object.entries(RAW_SYSCALL_EVENTS)) addTracepoint('raw_syscalls', name, id)
let nextId = SYSCALL_EVENTS_FIRST
for (const name of kernelSyscalls.keys()) {
  addTracepoint('syscalls', `sys_exit_${name}`, nextId++)
  addTracepoint('syscalls', `sys_enter_${name}`, nextId++)
}

const rawTracepoints = new Set([...Object.keys(SCHED_EVENTS), ...Object.keys(RAW_SYSCALL_EVENTS)])

/** Where the simulated kernel's text begins, and bytes per function: addresses for pt_regs.ip and symbol names. */
const TEXT_BASE_LOW = 0x81000000
const TEXT_HIGH = 0xffffffff
const FUNCTION_BYTES = 256

const symbols = [
  ...Object.keys(kernelFunctions),
  ...[...kernelSyscalls.keys()].flatMap((name) => [`__x64_sys_${name}`, `__ia32_sys_${name}`]),
  'entry_SYSCALL_64_after_hwframe',
  'do_syscall_64',
]
const symbolIndex = new Map(symbols.map((name, index) => [name, index]))

/** The tracepoint `category`/`name`, or undefined: perf_event_open then answers -ENOENT (its id file is missing). */
export function findTracepoint(category: string, name: string): Tracepoint | undefined {
  return tracepoints.get(`${category}/${name}`)
}

/** The tracepoint whose tracefs id is `id`, or undefined. */
export function tracepointById(id: number): Tracepoint | undefined {
  for (const tracepoint of tracepoints.values()) if (tracepoint.id === id) return tracepoint
  return undefined
}

/** True when BPF_RAW_TRACEPOINT_OPEN knows `name`; otherwise it answers -ENOENT. */
export function hasRawTracepoint(name: string): boolean {
  return rawTracepoints.has(name)
}

/** True when a kprobe can be put on `symbol`; otherwise perf_event_open answers -ENOENT. */
export function hasKernelSymbol(symbol: string): boolean {
  return symbolIndex.has(symbol)
}

/** True when `hook` is the name of a place that exists. */
export function isHook(hook: string): boolean {
  const at = hook.indexOf(':')
  const rest = hook.slice(at + 1)
  switch (hook.slice(0, at)) {
    case 'kprobe':
    case 'kretprobe':
      return hasKernelSymbol(rest)
    case 'tracepoint':
      return tracepoints.has(rest)
    case 'raw_tp':
      return hasRawTracepoint(rest)
    default:
      return false
  }
}

/** All symbols of the simulated kernel's text, in order of address. */
export function kernelSymbols(): readonly string[] {
  return symbols
}

/** Every tracepoint as "category/name". */
export function tracepointNames(): IterableIterator<string> {
  return tracepoints.keys()
}

/** The low word of a symbol's address; the high word is KERNEL_TEXT_HIGH. */
export function symbolAddressLow(symbol: string): number {
  const index = symbolIndex.get(symbol)
  if (index === undefined) throw new Error(`no kernel symbol ${symbol}`)
  return TEXT_BASE_LOW + index * FUNCTION_BYTES
}

export const KERNEL_TEXT_HIGH = TEXT_HIGH

/** The symbol that covers an address of the kernel's text, with the offset in it, or undefined. */
export function symbolAt(low: number, high: number): { symbol: string; offset: number; sizeBytes: number } | undefined {
  if (high >>> 0 !== TEXT_HIGH) return undefined
  const distance = (low >>> 0) - TEXT_BASE_LOW
  const symbol = symbols[Math.floor(distance / FUNCTION_BYTES)]
  return symbol === undefined ? undefined : { symbol, offset: distance % FUNCTION_BYTES, sizeBytes: FUNCTION_BYTES }
}
