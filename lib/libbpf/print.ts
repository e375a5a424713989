/** libbpf's messages: a level and a text, to the caller's callback or to standard error. */
import { writeSync } from 'node:fs'
import { errno, set_errno } from './errno.js'

export const LIBBPF_WARN = 0
export const LIBBPF_INFO = 1
export const LIBBPF_DEBUG = 2

/**
 * Receives each message: `level` is LIBBPF_WARN, LIBBPF_INFO or LIBBPF_DEBUG, `text` the formatted line with its
 * "libbpf: " prefix and line feed. Stands for C's (level, format, va_list); the result is ignored, as there.
 */
export type libbpf_print_fn_t = (level: number, text: string) => number | undefined | void

const STDERR = 2

function minimumLevel(): number {
  const levels: Record<string, number> = { warn: LIBBPF_WARN, info: LIBBPF_INFO, debug: LIBBPF_DEBUG }
  return levels[process.env.LIBBPF_LOG_LEVEL?.toLowerCase() ?? ''] ?? LIBBPF_INFO
}

function defaultPrint(level: number, text: string): number {
  if (level > minimumLevel()) return 0
  // Written at once: console's own buffering would wait for an event loop that a blocking poll holds up.
  try {
    return writeSync(STDERR, text)
  } catch {
    return -1
  }
}

let print: libbpf_print_fn_t | null = defaultPrint

/**
 * Sets who receives libbpf's messages; null silences them. Returns the receiver until now. The default writes levels up
 * to LIBBPF_INFO (or the environment's LIBBPF_LOG_LEVEL: warn, info, debug) to standard error.
 */
export function libbpf_set_print(fn: libbpf_print_fn_t | null): libbpf_print_fn_t | null {
  const old = print
  print = fn
  return old
}

function emit(level: number, text: string): void {
  if (print === null) return
  const saved = errno
  print(level, `libbpf: ${text}\n`)
  set_errno(saved)
}

export const warn = (text: string): void => emit(LIBBPF_WARN, text)
export const info = (text: string): void => emit(LIBBPF_INFO, text)
export const debug = (text: string): void => emit(LIBBPF_DEBUG, text)
