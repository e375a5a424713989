/** A task's side of its system calls: one reused request object, and its window of user memory. */
import type { Path, Request, Sys, Workload } from '../../shared/kernel/workload.js'
import { TASK_USER_BYTES } from '../../shared/layout.js'
import type { Views } from '../../shared/views.js'
import type { CallArguments } from './registers.js'
import { callNumbers, Row } from './rows.js'

const ALIGN = 16
/** The part of the window that holds the strings of the call under way; reused when it is full. */
const STRINGS_BYTES = 8192
/** The part at the window's end that stands for the stack. */
const STACK_BYTES = 4096
const POINTER_BYTES = 8
const TIMESPEC_BYTES = 16
const NS_PER_S = 1e9

/** A task's one request. Numbers are what the registers hold: int arguments zero-extended, as compilers pass them. */
export class CallRequest implements Request, CallArguments {
  nr = 0
  /** Index of the call's row: see rows.ts. */
  row = 0
  a0 = 0
  a1 = 0
  a2 = 0
  a3 = 0
  a4 = 0
  a5 = 0
  /** A path given as text, so that it need not be read back from user memory; null when a0/a1 is an address. */
  path: string | null = null
  /** fork's child, and the arguments of fork and execve. */
  body: Workload | null = null
  args: string[] = []
}

/** Who a task is; kept by the scheduler. */
export interface Identity {
  readonly pid: number
  readonly ppid: number
  readonly uid: number
  readonly gid: number
  readonly cpu: number
  readonly comm: string
  readonly userBase: number
}

export class TaskSys implements Sys {
  readonly user: Uint8Array
  readonly request = new CallRequest()
  readonly #views: Views
  readonly #task: Identity
  readonly #now: () => number
  readonly #encoder = new TextEncoder()
  /** Strings of calls by text, so that a loop over one path places it once. */
  readonly #strings = new Map<string, number>()
  #stringsUsed = 0
  #used = STRINGS_BYTES

  constructor(views: Views, task: Identity, now: () => number) {
    this.#views = views
    this.#task = task
    this.#now = now
    this.user = new Uint8Array(views.memory.buffer, task.userBase, TASK_USER_BYTES)
  }

  get pid(): number {
    return this.#task.pid
  }
  get ppid(): number {
    return this.#task.ppid
  }
  get uid(): number {
    return this.#task.uid
  }
  get gid(): number {
    return this.#task.gid
  }
  get cpu(): number {
    return this.#task.cpu
  }
  get comm(): string {
    return this.#task.comm
  }
  get userBase(): number {
    return this.#task.userBase
  }

  nowNs(): number {
    return this.#now()
  }

  /** Takes over another task's window, as fork does. */
  copyFrom(parent: TaskSys): void {
    this.user.set(parent.user)
    this.#used = parent.#used
  }

  /** Forgets all memory, as execve does. */
  reset(): void {
    this.user.fill(0)
    this.#strings.clear()
    this.#stringsUsed = 0
    this.#used = STRINGS_BYTES
  }

  alloc(sizeBytes: number): number {
    const start = this.#used
    const end = Math.ceil((start + Math.max(sizeBytes, 1)) / ALIGN) * ALIGN
    if (!(sizeBytes >= 0) || end > TASK_USER_BYTES - STACK_BYTES) return 0
    this.#used = end
    this.user.fill(0, start, end)
    return this.userBase + start
  }

  string(text: string): number {
    const bytes = this.#encoder.encode(text)
    const address = this.alloc(bytes.length + 1)
    if (address !== 0) this.user.set(bytes, address - this.userBase)
    return address
  }

  text(address: number, lengthBytes: number): string {
    const from = address - this.userBase
    return new TextDecoder().decode(this.user.slice(from, from + lengthBytes))
  }

  /** Room for what one call needs; what earlier calls placed may be overwritten when the part is full. */
  #temporary(bytes: number): number {
    if (this.#stringsUsed + bytes > STRINGS_BYTES) {
      this.#strings.clear()
      this.#stringsUsed = 0
    }
    // Longer than the whole part: the call sees what fits, and a name that long fails anyway.
    const start = this.#stringsUsed
    this.#stringsUsed = Math.min(STRINGS_BYTES, Math.ceil((start + bytes) / POINTER_BYTES) * POINTER_BYTES)
    return start
  }

  /** Address of `text` with its NUL among the strings of calls. */
  #place(text: string): number {
    const known = this.#strings.get(text)
    if (known !== undefined) return known
    const bytes = this.#encoder.encode(text).subarray(0, STRINGS_BYTES - 1)
    const start = this.#temporary(bytes.length + 1)
    this.user.set(bytes, start)
    this.user[start + bytes.length] = 0
    this.#strings.set(text, this.userBase + start)
    return this.userBase + start
  }

  #call(row: number, a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0): CallRequest {
    const { request } = this
    request.row = row
    request.nr = callNumbers[row]
    request.a0 = a0
    request.a1 = a1
    request.a2 = a2
    request.a3 = a3
    request.a4 = a4
    request.a5 = a5
    return request
  }

  #path(path: Path): number {
    if (typeof path === 'number') {
      this.request.path = null
      return path
    }
    this.request.path = path
    return this.#place(path)
  }

  read(fd: number, buffer: number, count: number): Request {
    return this.#call(Row.read, fd >>> 0, buffer, count)
  }
  write(fd: number, buffer: number, count: number): Request {
    return this.#call(Row.write, fd >>> 0, buffer, count)
  }
  openat(dfd: number, path: Path, flags: number, mode = 0): Request {
    return this.#call(Row.openat, dfd >>> 0, this.#path(path), flags >>> 0, mode >>> 0)
  }
  close(fd: number): Request {
    return this.#call(Row.close, fd >>> 0)
  }
  unlinkat(dfd: number, path: Path, flags = 0): Request {
    return this.#call(Row.unlinkat, dfd >>> 0, this.#path(path), flags >>> 0)
  }
  getpid(): Request {
    return this.#call(Row.getpid)
  }
  getppid(): Request {
    return this.#call(Row.getppid)
  }
  getpgid(pid: number): Request {
    return this.#call(Row.getpgid, pid >>> 0)
  }
  nanosleep(durationNs: number): Request {
    const start = this.#temporary(TIMESPEC_BYTES)
    const { data } = this.#views
    const address = this.userBase + start
    const seconds = Math.floor(durationNs / NS_PER_S)
    data.setUint32(address, seconds, true)
    data.setUint32(address + POINTER_BYTES / 2, Math.floor(seconds / 2 ** 32), true)
    data.setUint32(address + POINTER_BYTES, durationNs - seconds * NS_PER_S, true)
    data.setUint32(address + POINTER_BYTES + POINTER_BYTES / 2, 0, true)
    return this.#call(Row.nanosleep, address)
  }
  fork(body: Workload, args: string[] = []): Request {
    this.request.body = body
    this.request.args = args
    return this.#call(Row.fork)
  }
  execve(path: Path, argv: string[] = []): Request {
    const address = this.#path(path)
    const pointers = argv.map((arg) => this.#place(arg))
    const start = this.#temporary((pointers.length + 1) * POINTER_BYTES)
    this.user.fill(0, start, start + (pointers.length + 1) * POINTER_BYTES)
    pointers.forEach((pointer, i) => {
      this.#views.data.setUint32(this.userBase + start + i * POINTER_BYTES, pointer, true)
    })
    this.request.args = argv.slice(1)
    return this.#call(
      Row.execve,
      address,
      this.userBase + start,
      this.userBase + start + pointers.length * POINTER_BYTES,
    )
  }
  exit(code: number): Request {
    return this.#call(Row.exit_group, code >>> 0)
  }
  wait4(pid: number, status = 0, options = 0): Request {
    return this.#call(Row.wait4, pid >>> 0, status, options >>> 0)
  }
  kill(pid: number, signal: number): Request {
    return this.#call(Row.kill, pid >>> 0, signal >>> 0)
  }
}
