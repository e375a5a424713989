/** What a program's trap was, in words: from V8's stack, the program's trap map and the fault record of its CPU. */
import { FaultKind } from './layout.js'
import type { TrapMap } from './messages.js'

/** The fields of FAULT (shared/layout.ts). */
export interface Fault {
  readonly address: bigint
  readonly bytes: number
  readonly kind: number
}

/** Where a trap happened: an instruction of the program, or -1 when the stack does not tell. */
export interface TrapPlace {
  readonly insn: number
  /** The WASM function's index. */
  readonly function: number
}

/** A WASM frame in V8's stack: the module's URL, the function's index, the byte's offset in the module. */
const FRAME = /(wasm:\/\/[^\s:]+):wasm-function\[(\d+)\]:0x([0-9a-f]+)/
/** The name of a module in its URL, before V8's hash. */
const MODULE_NAME = /^wasm:\/\/wasm\/(.+)-[0-9a-f]+$/

/** Index of the last entry of the rising `list` that is not above `value`; -1 when all are. */
function lastAtMost(list: { readonly length: number; readonly [n: number]: number }, value: number): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (list[middle] <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The innermost run of WASM frames that JavaScript does not interrupt: [module, function, offset] each. */
function innermostFrames(stack: string): [string, number, number][] {
  const frames: [string, number, number][] = []
  for (const line of stack.split('\n')) {
    const match = FRAME.exec(line)
    if (match) frames.push([match[1], Number(match[2]), Number.parseInt(match[3], 16)])
    else if (frames.length > 0) break
  }
  return frames
}

function moduleName(url: string): string {
  return MODULE_NAME.exec(url)?.[1] ?? ''
}

/** Names of the modules in `stack`, innermost first: after a tail call the program that trapped is not the one called. */
export function modulesOf(stack: string): string[] {
  return innermostFrames(stack)
    .map(([url]) => moduleName(url))
    .filter((name) => name !== '')
}

/**
 * Finds the innermost instruction of the program in `stack`. Above it may lie frames of helpers and map operations,
 * whose modules are others: the program's is the one of its name or, without a name, the one that JavaScript called.
 */
export function locateTrap(stack: string, trapMap: TrapMap): TrapPlace {
  const frames = innermostFrames(stack)
  const outermost = frames.at(-1)?.[0]
  const isOurs = (url: string) => (trapMap.module === '' ? url === outermost : moduleName(url) === trapMap.module)
  for (const [url, index, offset] of frames) {
    const entry = isOurs(url) ? trapMap.functions.find((candidate) => candidate.index === index) : undefined
    const at = entry ? lastAtMost(entry.offsets, offset) : -1
    if (entry && at >= 0) return { insn: entry.insns[at], function: index }
  }
  return { insn: -1, function: -1 }
}

function describeFault(fault: Fault): string | null {
  const at = `0x${fault.address.toString(16)}`
  const bytes = `${fault.bytes} byte${fault.bytes === 1 ? '' : 's'}`
  switch (fault.kind) {
    case FaultKind.read:
      return `invalid read of ${bytes} at ${at}`
    case FaultKind.write:
      return `invalid write of ${bytes} at ${at}`
    case FaultKind.misaligned:
      return `misaligned atomic access of ${bytes} at ${at}`
    case FaultKind.stackOverflow:
      return 'stack overflow'
    case FaultKind.badMap:
      return `${at} is not a map of this program`
    case FaultKind.badContext:
      return `${at} is not the program's context`
    default:
      return null
  }
}

/** The engine's own words, for traps that no check foresaw. */
function describeEngine(message: string): string {
  if (message.includes('unaligned')) return 'misaligned atomic access'
  if (message.includes('out of bounds')) return 'access outside the memory'
  if (message.includes('call stack')) return 'stack overflow'
  return message
}

/**
 * One line such as "prog count insn 12 (file.c:34: *p = 1;) in parse: invalid write of 8 bytes at 0x0". `fault` is the
 * CPU's record if it was cleared before the run; its kind 0 means that the engine itself trapped.
 */
export function describeTrap(error: unknown, program: string, trapMap: TrapMap, fault: Fault | null): string {
  const { message, stack } = error instanceof Error ? error : { message: String(error), stack: '' }
  const { insn } = locateTrap(stack ?? '', trapMap)
  const what = (fault && describeFault(fault)) ?? describeEngine(message)
  if (insn < 0) return `prog ${program}: ${what}`
  const lineAt = lastAtMost(
    trapMap.lines.map(([first]) => first),
    insn,
  )
  const line = lineAt >= 0 ? ` (${trapMap.lines[lineAt][1]})` : ''
  const subprogramAt = lastAtMost(
    trapMap.subprograms.map(([first]) => first),
    insn,
  )
  const inside = subprogramAt > 0 ? ` in ${trapMap.subprograms[subprogramAt][1]}` : ''
  return `prog ${program} insn ${insn}${line}${inside}: ${what}`
}
