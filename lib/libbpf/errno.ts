/**
 * C's errno, and how libbpf 1.x reports errors: an int function returns a negative errno and sets `errno` to its
 * positive value; a pointer function returns null and sets `errno`. Success leaves `errno` alone.
 */
import { EINVAL, ENOENT, ERANGE, errnoName, errnoText } from '../../shared/uapi/errno.js'
import { __LIBBPF_ERRNO__END, __LIBBPF_ERRNO__START, libbpfErrorText } from '../../shared/uapi/libbpf_errno.js'

/**
 * The error of the last call that failed, positive, as in C. A live binding: `import { errno } from 'smpbpf'` reads the
 * current value each time (through `import * as` or `export *`, too).
 */
export let errno = 0

/** Sets `errno`, as a C program does by `errno = 0`. */
export function set_errno(value: number): void {
  errno = Math.abs(value)
}

/** For int functions: notes a negative result in errno, and hands the result on. */
export function intResult(result: number): number {
  if (result < 0) errno = -result
  return result
}

/** For functions of unsigned numbers, which have no room for an error: notes it in errno and gives 0. */
export function zeroResult(error: number): 0 {
  errno = Math.abs(error)
  return 0
}

/** For pointer functions: notes the error of either sign in errno, and gives the null to return. */
export function nullResult(error: number): null {
  errno = Math.abs(error)
  return null
}

/** How libbpf's messages write an error of either sign: "-ENOENT". */
export function errstr(error: number): string {
  return `-${errnoName(error)}`
}

/** Writes `text` NUL-terminated into `buf`, cut to fit; false when it was cut. */
export function writeText(buf: Uint8Array, text: string): boolean {
  const bytes = new TextEncoder().encode(text)
  const room = Math.max(0, buf.length - 1)
  buf.set(bytes.subarray(0, room))
  if (buf.length > 0) buf[Math.min(bytes.length, room)] = 0
  return bytes.length <= room
}

/**
 * Text of an error of either sign, libbpf's own included, into `buf` (NUL-terminated). 0; -EINVAL without a buffer;
 * -ENOENT for an unknown error of libbpf's; when `buf` is too small -ERANGE for libbpf's own and, as strerror_r has it,
 * ERANGE for the system's; EINVAL for an unknown one of the system's (libbpf.h).
 */
export function libbpf_strerror(err: number, buf: Uint8Array): number {
  if (!(buf instanceof Uint8Array) || buf.length === 0) return intResult(-EINVAL)
  const number = Math.abs(err)
  if (number < __LIBBPF_ERRNO__START) {
    const fits = writeText(buf, errnoText(number))
    if (!fits) return ERANGE
    return errnoName(number) === String(number) && number !== 0 ? EINVAL : 0
  }
  if (number < __LIBBPF_ERRNO__END) {
    return writeText(buf, libbpfErrorText(number) ?? '(null)') ? 0 : intResult(-ERANGE)
  }
  return writeText(buf, `Unknown libbpf error ${number}`) ? intResult(-ENOENT) : intResult(-ERANGE)
}

/**
 * The negative errno of a failed pointer function, 0 for a pointer. As in libbpf 1.x, null answers -errno, so ask right
 * after the call (libbpf_legacy.h).
 */
export function libbpf_get_error(ptr: unknown): number {
  return ptr === null || ptr === undefined ? -errno : 0
}
