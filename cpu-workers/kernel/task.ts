/** A task of this CPU: the JavaScript side of a slot in shared memory. */
import { readComm, writeComm } from '../../shared/kernel/task.js'
import type { Request } from '../../shared/kernel/workload.js'
import { TASK } from '../../shared/layout.js'
import { type Views, word } from '../../shared/views.js'
import type { OpenFile } from './files.js'
import { type Identity, TaskSys } from './sys.js'

/** What a sleeping task waits for. */
export const Wait = { none: 0, timer: 1, child: 2, module: 3 } as const

/** Most descriptors of a task (RLIMIT_NOFILE's usual soft limit). */
export const DESCRIPTORS_MAX = 1024

type Body = Iterator<Request, unknown, number>

export class KernelTask implements Identity {
  readonly pid: number
  readonly tgid: number
  readonly pgid: number
  readonly uid: number
  readonly gid: number
  readonly cpu: number
  readonly userBase: number
  readonly userBytes: number
  readonly sys: TaskSys
  readonly descriptors: (OpenFile | null)[] = []
  ppid: number
  comm: string
  /** null until the task runs for the first time, or after execve: start() makes it. */
  body: Body | null = null
  start: () => unknown = () => undefined
  /** Goes on with the call that a sleeping task made, when what it waits for may have come. */
  continuation: (() => number) | null = null
  /** The result that the next resumption gets. */
  result = 0
  wait: number = Wait.none
  wakeAtNs = 0
  /** The parent when it is a living task of this CPU. */
  parent: KernelTask | null = null
  /** Ended children that wait4 has not taken yet. */
  readonly zombies: KernelTask[] = []
  /** A child has ended since wait4 last looked. */
  childEnded = false
  ended = false
  /** Its parent has ended before it: nobody waits for it. */
  adopted = false
  /** What it does in the kernel before its own code begins. */
  prologue: (() => void) | null = null

  constructor(
    readonly views: Views,
    /** Address of its TASK. */
    readonly slot: number,
    now: () => number,
  ) {
    const { u32 } = views
    this.pid = u32[word(slot + TASK.pid)]
    this.tgid = u32[word(slot + TASK.tgid)]
    this.pgid = u32[word(slot + TASK.pgid)]
    this.ppid = u32[word(slot + TASK.ppid)]
    this.uid = u32[word(slot + TASK.uid)]
    this.gid = u32[word(slot + TASK.gid)]
    this.cpu = u32[word(slot + TASK.cpu)]
    this.userBase = u32[word(slot + TASK.userBase)]
    this.userBytes = u32[word(slot + TASK.userBytes)]
    this.comm = readComm(views, slot + TASK.comm)
    this.sys = new TaskSys(views, this, now)
  }

  setComm(comm: string): void {
    writeComm(this.views, this.slot + TASK.comm, comm)
    this.comm = readComm(this.views, this.slot + TASK.comm)
  }

  setParentPid(pid: number): void {
    this.ppid = pid
    this.views.u32[word(this.slot + TASK.ppid)] = pid
  }

  /** The signal that is to end it, 0 for none. */
  get signal(): number {
    return Atomics.load(this.views.u32, word(this.slot + TASK.killed))
  }

  /** Bytes of its user memory from `address` on, 0 outside. */
  userRoom(address: number): number {
    const offset = address - this.userBase
    return offset >= 0 && offset < this.userBytes ? this.userBytes - offset : 0
  }

  file(fd: number): OpenFile | undefined {
    return this.descriptors[fd] ?? undefined
  }

  /** Gives the lowest free descriptor to `file`; -1 when all are taken. */
  addFile(file: OpenFile): number {
    let fd = 0
    while (fd < this.descriptors.length && this.descriptors[fd] !== null) fd++
    if (fd >= DESCRIPTORS_MAX) return -1
    this.descriptors[fd] = file
    return fd
  }

  /** Closes a descriptor; false when it was not open. */
  removeFile(fd: number): boolean {
    const file = this.descriptors[fd]
    if (!file) return false
    file.references--
    this.descriptors[fd] = null
    return true
  }
}
