/** Links: what keeps a program attached to a hook. */
import {
  BPF_LINK_TYPE_PERF_EVENT,
  BPF_LINK_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_KPROBE,
  BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE_TRACEPOINT,
} from '../../shared/uapi/bpf.js'
import { EBADF, EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'
import { toU64 } from './numbers.js'
import { type PerfEventFile, perfEventFile } from './perf_event.js'
import { ProgramFile, type ProgramObject } from './program_object.js'

const WORD = 2n ** 32n

/** Low and high word of a u64. */
export function cookieWords(cookie: number | bigint): [number, number] {
  const value = toU64(cookie)
  return [Number(value % WORD), Number(value / WORD)]
}

export class LinkObject {
  readonly id: number

  constructor(
    readonly kernel: Kernel,
    /** BPF_LINK_TYPE_*. */
    readonly type: number,
    readonly program: ProgramObject,
    readonly hook: string,
    readonly cookie: [number, number],
    /** The event that a perf link keeps open. */
    readonly event: PerfEventFile | undefined,
  ) {
    program.get()
    event?.get()
    this.id = kernel.links.allocate(this)
    kernel.machine.publish({ kind: 'attach', link: this.id, hook, program: program.id, cookie })
  }

  /** The last file went: no program starts through this link from here on; references go after a grace period. */
  release(): void {
    this.kernel.machine.publish({ kind: 'detach', link: this.id })
    this.kernel.links.free(this.id)
    this.kernel.retire(() => {
      this.event?.put()
      this.program.put()
    })
  }
}

export class LinkFile extends OpenFile {
  readonly kind = 'link'

  constructor(readonly link: LinkObject) {
    super()
  }

  protected released(): void {
    this.link.release()
  }
}

/** The program behind `fd`, else -EBADF or -EINVAL (no program). */
export function programFile(kernel: Kernel, fd: number): ProgramFile | number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  return file instanceof ProgramFile ? file : -EINVAL
}

/** BPF_LINK_CREATE of a program on a perf event (kprobe, tracepoint): a descriptor or a negative errno. */
export function createPerfLink(kernel: Kernel, programFd: number, eventFd: number, cookie: number | bigint): number {
  const program = programFile(kernel, programFd)
  if (typeof program === 'number') return program
  const event = perfEventFile(kernel, eventFd)
  if (typeof event === 'number') return event
  if (event.probe === undefined) return -EOPNOTSUPP
  const wanted = event.probe.hook.startsWith('tracepoint:') ? BPF_PROG_TYPE_TRACEPOINT : BPF_PROG_TYPE_KPROBE
  if (program.program.facts.type !== wanted) return -EINVAL
  const words = cookieWords(cookie)
  const link = new LinkObject(kernel, BPF_LINK_TYPE_PERF_EVENT, program.program, event.probe.hook, words, event)
  return kernel.files.install(new LinkFile(link))
}

/** BPF_RAW_TRACEPOINT_OPEN on a tracepoint whose existence the caller has checked. */
export function createRawTracepointLink(
  kernel: Kernel,
  programFd: number,
  hook: string,
  cookie: number | bigint,
): number {
  const program = programFile(kernel, programFd)
  if (typeof program === 'number') return program
  if (program.program.facts.type !== BPF_PROG_TYPE_RAW_TRACEPOINT) return -EINVAL
  const words = cookieWords(cookie)
  const link = new LinkObject(kernel, BPF_LINK_TYPE_RAW_TRACEPOINT, program.program, hook, words, undefined)
  return kernel.files.install(new LinkFile(link))
}

/** BPF_LINK_DETACH: the links that exist so far end only with their last file, as in Linux. */
export function detachLink(kernel: Kernel, fd: number): number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  return file instanceof LinkFile ? -EOPNOTSUPP : -EINVAL
}
