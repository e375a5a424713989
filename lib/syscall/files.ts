/** Open files and the descriptors that name them: a number space of each machine, unknown to node's fs. */
import { EBADF, EMFILE } from '../../shared/uapi/errno.js'

/** 0, 1 and 2 are the process's own. */
const FIRST_FD = 3
const FDS_MAX = 1 << 20

/** What a descriptor refers to. Descriptors, epoll sets and map elements each hold a reference. */
export abstract class OpenFile {
  #references = 1
  abstract readonly kind: 'map' | 'program' | 'link' | 'btf' | 'perf_event' | 'epoll'

  get references(): number {
    return this.#references
  }

  get(): this {
    this.#references++
    return this
  }

  put(): void {
    if (--this.#references === 0) this.released()
  }

  /** The last reference went. */
  protected abstract released(): void

  /** One more descriptor is about to close, others may remain: epoll sets forget the file with its last one. */
  closed(): void {}

  /** For epoll: takes and clears the file's readiness. */
  takeReady(): boolean {
    return false
  }
}

export class FileTable {
  readonly #files: (OpenFile | undefined)[] = []
  /** No free number below this index. */
  #lowest = 0
  #count = 0

  /** A descriptor for `file`, which takes over the caller's reference; the lowest free number. -EMFILE when full. */
  install(file: OpenFile): number {
    let index = this.#lowest
    while (this.#files[index] !== undefined) index++
    if (index + FIRST_FD >= FDS_MAX) {
      file.put()
      return -EMFILE
    }
    this.#files[index] = file
    this.#lowest = index + 1
    this.#count++
    return index + FIRST_FD
  }

  get(fd: number): OpenFile | undefined {
    if (typeof fd !== 'number') return undefined
    return this.#files[fd - FIRST_FD]
  }

  /** Whether `fd` leads to something: a file of this table, or one of the process's own three. */
  isOpen(fd: number): boolean {
    return (fd >= 0 && fd < FIRST_FD) || this.get(fd) !== undefined
  }

  /** Drops the descriptor's reference: 0 or -EBADF. */
  close(fd: number): number {
    const index = fd - FIRST_FD
    const file = this.#files[index]
    if (file === undefined) return -EBADF
    this.#files[index] = undefined
    this.#count--
    if (index < this.#lowest) this.#lowest = index
    file.closed()
    file.put()
    return 0
  }

  /** Forgets every descriptor without dropping a reference. */
  clear(): void {
    this.#files.length = 0
    this.#lowest = 0
    this.#count = 0
  }

  /** Open descriptors. */
  get count(): number {
    return this.#count
  }

  /** The numbers of the open descriptors, ascending. */
  numbers(): number[] {
    const numbers: number[] = []
    this.#files.forEach((file, index) => {
      if (file !== undefined) numbers.push(index + FIRST_FD)
    })
    return numbers
  }
}
