/**
 * What the author of a workload uses. A workload is a module that exports a generator function; each system call is
 * a `yield`, which gives the call's result: 0 or more, or a negative errno.
 *
 *     import { AT_FDCWD, O_RDONLY, type Sys, type Task } from 'smpbpf/workload'
 *
 *     export default function* (sys: Sys, args: string[]): Task {
 *       const fd = yield sys.openat(AT_FDCWD, '/dev/zero', O_RDONLY)
 *       const buffer = sys.alloc(512)
 *       yield sys.read(fd, buffer, 512)
 *       return 0
 *     }
 */

/** A system call to be made, good for one `yield` at once: every call of a task reuses the same object. */
export interface Request {
  /** The system call's number. */
  readonly nr: number
}

/** A running workload: yields calls, gets their results, returns its exit code (0 when nothing). */
export type Task = Generator<Request, number | void, number>

/** The body of a task. `args` are the arguments after the program's name. */
export type Workload = (sys: Sys, args: string[]) => Task

/** A string is placed in the task's user memory for the time of the call; a number is an address there. */
export type Path = string | number

/** System calls and user memory of one task. Addresses are those that BPF programs see. */
export interface Sys {
  readonly pid: number
  readonly ppid: number
  readonly uid: number
  readonly gid: number
  readonly cpu: number
  /** The name that ps shows, up to 15 bytes. */
  readonly comm: string
  /** The task's user memory: byte 0 is the address `userBase`. */
  readonly user: Uint8Array
  readonly userBase: number
  /** CLOCK_MONOTONIC in ns, without a system call, as the vDSO gives it. */
  nowNs(): number
  /** Room in user memory, 16-aligned and zero; 0 when it is used up. There is no free: it lasts until execve or exit. */
  alloc(sizeBytes: number): number
  /** Places `text` with a NUL in user memory for good and returns its address, 0 when there is no room. */
  string(text: string): number
  /** Reads `lengthBytes` bytes of user memory as text. */
  text(address: number, lengthBytes: number): string

  read(fd: number, buffer: number, count: number): Request
  write(fd: number, buffer: number, count: number): Request
  openat(dfd: number, path: Path, flags: number, mode?: number): Request
  close(fd: number): Request
  unlinkat(dfd: number, path: Path, flags?: number): Request
  getpid(): Request
  getppid(): Request
  getpgid(pid: number): Request
  /** Sleeps at least `durationNs`. */
  nanosleep(durationNs: number): Request
  /** The child runs `body` on the same CPU, with a copy of this task's user memory in a window of its own. */
  fork(body: Workload, args?: string[]): Request
  /** Replaces the task's body by the executable under `path`; argv[0] is the program's own name. */
  execve(path: Path, argv?: string[]): Request
  exit(code: number): Request
  /** Waits for a child (any with pid -1) to end; its wait status is stored at `status` unless that is 0. */
  wait4(pid: number, status?: number, options?: number): Request
  kill(pid: number, signal: number): Request
}

export const AT_FDCWD = -100
export const AT_REMOVEDIR = 0x200
export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_ACCMODE = 3
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_TRUNC = 0o1000
export const O_APPEND = 0o2000
export const O_DIRECTORY = 0o200000
export const O_CLOEXEC = 0o2000000
export const WNOHANG = 1
export const SIGHUP = 1
export const SIGINT = 2
export const SIGABRT = 6
export const SIGKILL = 9
export const SIGTERM = 15
