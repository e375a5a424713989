/**
 * The in-memory file system. Each CPU has one of its own, as if its tasks lived in a mount namespace: what a task
 * writes, the tasks of the same CPU see, children and later programs included, and the tasks of other CPUs do not.
 * So no file operation needs a lock or shared storage. It is gone when the CPU restarts.
 */
import {
  O_ACCMODE,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
} from '../../shared/kernel/workload.js'
import {
  EACCES,
  EBADF,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
} from '../../shared/uapi/errno.js'

const FILE_MAX_BYTES = 64 * 1024 * 1024
const FILE_FIRST_BYTES = 256
const PERMISSION_BITS = 0o7777
const EXECUTE_BITS = 0o111

/** What a file's operations need of its open file. */
export interface OpenFile {
  readonly inode: Inode
  /** Absolute path at the time of opening: what relative names start from when it is a directory. */
  readonly path: string
  readonly flags: number
  position: number
  /** Descriptors that refer to it, in all tasks. */
  references: number
}

/** Operations on bytes of user memory that the caller has checked. Results: a count or a negative errno. */
export interface Inode {
  readonly directory: boolean
  mode: number
  /** URL of the module that execve runs, for executables. */
  readonly executable?: string
  /** Writes take any address, since nothing is read from it: /dev/null and /dev/zero. */
  readonly ignoresData?: boolean
  read(file: OpenFile, into: Uint8Array, start: number, count: number): number
  write(file: OpenFile, from: Uint8Array, start: number, count: number): number
  truncate(): void
}

class Device implements Inode {
  readonly directory = false
  mode = 0o666
  constructor(
    readonly read: Inode['read'],
    readonly write: Inode['write'],
    readonly ignoresData = false,
  ) {}
  truncate(): void {}
}

/** /dev/zero's read. Copying zeros is several times faster than filling shared memory with them. */
function makeZeroRead(): Inode['read'] {
  let zeros = new Uint8Array(0)
  return (_file, into, start, count) => {
    if (zeros.length !== count) zeros = new Uint8Array(count)
    into.set(zeros, start)
    return count
  }
}

/** A regular file: bytes that grow as they are written. */
export class RegularFile implements Inode {
  readonly directory = false
  #bytes = new Uint8Array(0)
  sizeBytes = 0
  constructor(
    public mode: number,
    readonly executable?: string,
  ) {}

  read(file: OpenFile, into: Uint8Array, start: number, count: number): number {
    const bytes = Math.max(0, Math.min(count, this.sizeBytes - file.position))
    into.set(this.#bytes.subarray(file.position, file.position + bytes), start)
    file.position += bytes
    return bytes
  }

  write(file: OpenFile, from: Uint8Array, start: number, count: number): number {
    if ((file.flags & O_APPEND) !== 0) file.position = this.sizeBytes
    const end = file.position + count
    if (end > FILE_MAX_BYTES) return -EFBIG
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length, FILE_FIRST_BYTES))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(from.subarray(start, start + count), file.position)
    file.position = end
    this.sizeBytes = Math.max(this.sizeBytes, end)
    return count
  }

  truncate(): void {
    this.#bytes = new Uint8Array(0)
    this.sizeBytes = 0
  }
}

class Directory implements Inode {
  readonly directory = true
  constructor(public mode: number) {}
  read(): number {
    return -EISDIR
  }
  write(): number {
    return -EISDIR
  }
  truncate(): void {}
}

/** `path` seen from `base`, without `.`, `..` and empty parts. */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = []
  for (const part of `${path.startsWith('/') ? '' : base}/${path}`.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')))
}

/** All files of one CPU, by absolute path. */
export class FileSystem {
  readonly #inodes = new Map<string, Inode>()

  /** `console` takes what tasks write to their standard output and error. */
  constructor(console: (bytes: Uint8Array) => void) {
    for (const path of ['/', '/bin', '/dev', '/etc', '/tmp']) this.#inodes.set(path, new Directory(0o755))
    this.#inodes.set('/etc/hostname', new RegularFile(0o644))
    const sink = (_: OpenFile, _from: Uint8Array, _start: number, count: number) => count
    const print = (_: OpenFile, from: Uint8Array, start: number, count: number) => {
      console(from.subarray(start, start + count))
      return count
    }
    this.#inodes.set('/dev/null', new Device(() => 0, sink, true))
    this.#inodes.set('/dev/zero', new Device(makeZeroRead(), sink, true))
    this.#inodes.set('/dev/console', new Device(() => 0, print))
  }

  /** Makes `url` executable under `path`, replacing what was there; missing directories are made. */
  addExecutable(path: string, url: string): void {
    const full = resolvePath('/', path)
    for (let at = parentOf(full); !this.#inodes.has(at); at = parentOf(at)) this.#inodes.set(at, new Directory(0o755))
    this.#inodes.set(full, new RegularFile(0o755, url))
  }

  /** The inode at an absolute path, or a negative errno. */
  lookup(path: string): Inode | number {
    const inode = this.#inodes.get(path)
    if (inode) return inode
    return this.#missing(path)
  }

  /** Why there is nothing at `path`: -ENOTDIR when a part of it is a file. */
  #missing(path: string): number {
    for (let at = parentOf(path); at !== '/'; at = parentOf(at)) {
      const inode = this.#inodes.get(at)
      if (inode) return inode.directory ? -ENOENT : -ENOTDIR
    }
    return -ENOENT
  }

  /** openat's work on an absolute path: an open file or a negative errno. `trailingSlash`: the path ended with one. */
  open(path: string, flags: number, mode: number, trailingSlash: boolean): OpenFile | number {
    let inode = this.#inodes.get(path)
    const writable = (flags & O_ACCMODE) !== O_RDONLY
    if ((flags & O_CREAT) !== 0 && (flags & O_DIRECTORY) !== 0) return -EINVAL
    if (inode) {
      if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) return -EEXIST
      if (inode.directory && (writable || (flags & O_CREAT) !== 0)) return -EISDIR
      if (!inode.directory && ((flags & O_DIRECTORY) !== 0 || trailingSlash)) return -ENOTDIR
      if ((flags & O_TRUNC) !== 0) inode.truncate()
    } else {
      if ((flags & O_CREAT) === 0) return this.#missing(path)
      if (trailingSlash) return -EISDIR
      const parent = this.#inodes.get(parentOf(path))
      if (!parent) return this.#missing(path)
      if (!parent.directory) return -ENOTDIR
      inode = new RegularFile(mode & PERMISSION_BITS)
      this.#inodes.set(path, inode)
    }
    return { inode, path, flags, position: 0, references: 1 }
  }

  /** unlinkat's work: 0 or a negative errno. Open files keep their contents. */
  remove(path: string, asDirectory: boolean): number {
    const inode = this.#inodes.get(path)
    if (!inode) return this.#missing(path)
    if (!asDirectory) {
      if (inode.directory) return -EISDIR
      this.#inodes.delete(path)
      return 0
    }
    if (!inode.directory) return -ENOTDIR
    const inside = path === '/' ? '/' : `${path}/`
    for (const other of this.#inodes.keys()) if (other !== path && other.startsWith(inside)) return -ENOTEMPTY
    if (path === '/') return -EPERM
    this.#inodes.delete(path)
    return 0
  }

  /** The URL of the module to execute at `path`, or a negative errno. */
  executable(path: string): string | number {
    const inode = this.lookup(path)
    if (typeof inode === 'number') return inode
    if (inode.directory || (inode.mode & EXECUTE_BITS) === 0) return -EACCES
    return inode.executable ?? -EACCES
  }
}

export function isReadable(file: OpenFile): boolean {
  return (file.flags & O_ACCMODE) !== O_WRONLY
}

export function isWritable(file: OpenFile): boolean {
  return (file.flags & O_ACCMODE) !== O_RDONLY
}

/** What reading from or writing to a descriptor that is not open for it gives. */
export const NOT_OPEN = -EBADF
