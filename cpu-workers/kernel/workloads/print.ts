import type { Request, Sys } from '../../../shared/kernel/workload.js'
import { errnoTable } from '../../../shared/uapi/errno.js'

const PRINT_BYTES = 1024

/** The C library's text for a negative errno. */
export function errorText(error: number): string {
  const row = Object.values(errnoTable).find(([number]) => number === -error)
  return row ? String(row[1]) : `Unknown error ${-error}`
}

/** One buffer per task, so that printing does not use up its memory. */
const buffers = new WeakMap<Sys, number>()

/** Writes text to a descriptor; returns the last write's result. */
export function* print(sys: Sys, fd: number, text: string): Generator<Request, number, number> {
  let buffer = buffers.get(sys)
  if (buffer === undefined) {
    buffer = sys.alloc(PRINT_BYTES)
    buffers.set(sys, buffer)
  }
  if (buffer === 0) return 0
  const bytes = new TextEncoder().encode(text)
  let result = 0
  for (let at = 0; at < bytes.length; at += PRINT_BYTES) {
    const part = bytes.subarray(at, at + PRINT_BYTES)
    sys.user.set(part, buffer - sys.userBase)
    result = yield sys.write(fd, buffer, part.length)
    if (result < 0) return result
  }
  return result
}
