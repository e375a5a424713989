/** epoll(7) over the machine's files. */
import { EBADF, EEXIST, EINTR, EINVAL, EIO, ENOENT } from '../../shared/uapi/errno.js'
import type { WaitOutcome } from '../machine/doorbell.js'
import { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'

/** How long a wait looks around before it sleeps: waking a sleeper takes as long, and costs the producer more. */
const SPIN_MS = 0.05
/** Looks between two readings of the clock. */
const SPIN_LOOKS = 16

interface Watch {
  readonly file: OpenFile
  readonly data: number
}

export class EpollFile extends OpenFile {
  readonly kind = 'epoll'
  readonly #watches = new Map<number, Watch>()

  constructor(readonly kernel: Kernel) {
    super()
  }

  /** EPOLL_CTL_ADD with events EPOLLIN: `data` comes back from wait. 0, -EBADF, -EEXIST. */
  add(fd: number, data: number): number {
    const file = this.kernel.files.get(fd)
    if (file === undefined) return -EBADF
    if (file === this) return -EINVAL
    if (this.#watches.has(fd)) return -EEXIST
    this.#watches.set(fd, { file, data })
    return 0
  }

  /** EPOLL_CTL_DEL. */
  remove(fd: number): number {
    return this.#watches.delete(fd) ? 0 : -ENOENT
  }

  /** Appends the data of ready files to `ready`, at most `max` in all. */
  #collect(ready: number[], max: number): void {
    for (const [fd, watch] of this.#watches) {
      if (ready.length >= max) return
      // A file whose last descriptor has closed is watched no more.
      if (this.kernel.files.get(fd) !== watch.file) this.#watches.delete(fd)
      else if (watch.file.takeReady()) ready.push(watch.data)
    }
  }

  /**
   * epoll_wait(2): fills `ready` with the data of at least one ready file. The count, 0 after `timeoutMs` (-1: never),
   * -EINTR after a signal, -EIO when the machine died.
   */
  wait(ready: number[], max: number, timeoutMs: number): number {
    const { machine } = this.kernel
    ready.length = 0
    this.#collect(ready, max)
    if (ready.length > 0 || timeoutMs === 0) return ready.length
    const start = performance.now()
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : start + timeoutMs
    if (this.#spin(ready, max, Math.min(deadline, start + SPIN_MS))) return ready.length
    for (;;) {
      const left = timeoutMs < 0 ? -1 : Math.max(0, deadline - performance.now())
      const seen = machine.prepareWait()
      try {
        this.#collect(ready, max)
        if (ready.length > 0 || left === 0) return ready.length
        const error = waitError(machine.waitDoorbell(seen, left))
        if (error < 0) return error
      } finally {
        machine.finishWait()
      }
    }
  }

  /** Looks for ready files until `deadline`. Whether there are any. */
  #spin(ready: number[], max: number, deadline: number): boolean {
    while (performance.now() < deadline) {
      for (let look = 0; look < SPIN_LOOKS; look++) {
        this.#collect(ready, max)
        if (ready.length > 0) return true
      }
    }
    return false
  }

  /** The same without blocking the event loop, which stays alive meanwhile. */
  async waitAsync(ready: number[], max: number, timeoutMs: number): Promise<number> {
    const { machine } = this.kernel
    const deadline = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    ready.length = 0
    for (;;) {
      const left = timeoutMs < 0 ? -1 : Math.max(0, deadline - performance.now())
      const seen = machine.prepareWait()
      try {
        this.#collect(ready, max)
        if (ready.length > 0 || left === 0) return ready.length
        const error = waitError(await machine.waitDoorbellAsync(seen, left))
        if (error < 0) return error
      } finally {
        machine.finishWait()
      }
    }
  }

  protected released(): void {
    this.#watches.clear()
  }
}

function waitError(outcome: WaitOutcome): number {
  if (outcome === 'signal') return -EINTR
  return outcome === 'dead' ? -EIO : 0
}

/** epoll_create1(2). */
export function createEpoll(kernel: Kernel): number {
  return kernel.files.install(new EpollFile(kernel))
}
