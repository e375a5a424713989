/** System calls on files: man 2 read, write, openat, close, unlinkat. */
import { EXEC_PATH_BYTES, FILENAME, OPEN_HOW } from '../../../shared/kernel/records.js'
import { AT_FDCWD, AT_REMOVEDIR, O_CREAT } from '../../../shared/kernel/workload.js'
import { EBADF, EFAULT, EINVAL, EMFILE, ENOTDIR } from '../../../shared/uapi/errno.js'
import { word } from '../../../shared/views.js'
import { isReadable, isWritable, type OpenFile, resolvePath } from '../files.js'
import type { Call, Kernel } from '../kernel.js'
import { set64 } from '../registers.js'
import type { CallRequest } from '../sys.js'
import type { KernelTask } from '../task.js'
import { readPath } from './memory.js'

/** MAX_RW_COUNT: the most that one read or write moves. */
const COUNT_MAX = 0x7ffff000
/** Every 64-bit open has it. */
const O_LARGEFILE = 0o100000
const MODE_BITS = 0o7777
/** Addresses from here on are no user addresses, mapped or not. */
const USER_HALF_END = 2 ** 47

export const read: Call = (kernel, task, call) => {
  const { probes } = kernel
  probes.enterFunction('ksys_read', call.a0, call.a1, call.a2, 0)
  const file = task.file(call.a0)
  const result = file ? vfsRead(kernel, task, file, call.a1, call.a2) : -EBADF
  probes.exitFunction('ksys_read', result)
  return result
}

export const write: Call = (kernel, task, call) => {
  const { probes } = kernel
  probes.enterFunction('ksys_write', call.a0, call.a1, call.a2, 0)
  const file = task.file(call.a0)
  const result = file ? vfsWrite(kernel, task, file, call.a1, call.a2) : -EBADF
  probes.exitFunction('ksys_write', result)
  return result
}

function vfsRead(kernel: Kernel, task: KernelTask, file: OpenFile, buffer: number, count: number): number {
  const { probes } = kernel
  probes.enterFunction('vfs_read', probes.scratch.file, buffer, count, positionAddress(kernel, file))
  const result = readBytes(task, file, buffer, count)
  probes.exitFunction('vfs_read', result)
  return result
}

function readBytes(task: KernelTask, file: OpenFile, buffer: number, count: number): number {
  if (!isReadable(file)) return -EBADF
  if (buffer >= USER_HALF_END || buffer < 0) return -EFAULT
  if (count < 0 || !Number.isSafeInteger(count)) return -EINVAL
  const room = task.userRoom(buffer)
  if (room === 0 && count !== 0 && !file.inode.directory) return -EFAULT
  return file.inode.read(file, task.sys.user, buffer - task.userBase, Math.min(count, room, COUNT_MAX))
}

function vfsWrite(kernel: Kernel, task: KernelTask, file: OpenFile, buffer: number, count: number): number {
  const { probes } = kernel
  probes.enterFunction('vfs_write', probes.scratch.file, buffer, count, positionAddress(kernel, file))
  const result = writeBytes(task, file, buffer, count)
  probes.exitFunction('vfs_write', result)
  return result
}

function writeBytes(task: KernelTask, file: OpenFile, buffer: number, count: number): number {
  if (!isWritable(file)) return -EBADF
  if (buffer >= USER_HALF_END || buffer < 0) return -EFAULT
  if (count < 0 || !Number.isSafeInteger(count)) return -EINVAL
  if (file.inode.ignoresData) return Math.min(count, COUNT_MAX)
  const room = task.userRoom(buffer)
  if (room === 0 && count !== 0) return -EFAULT
  return file.inode.write(file, task.sys.user, buffer - task.userBase, Math.min(count, room, COUNT_MAX))
}

/** What the pos argument of vfs_read and vfs_write points to. */
function positionAddress(kernel: Kernel, file: OpenFile): number {
  const { probes, cpu } = kernel
  if (probes.watches('vfs_read') || probes.watches('vfs_write')) {
    set64(cpu.views.u32, probes.scratch.position, file.position)
  }
  return probes.scratch.position
}

/** The absolute path that `dfd` and `path` mean, or a negative errno. */
function absolutePath(task: KernelTask, dfd: number, path: string): string | number {
  if (path.startsWith('/')) return resolvePath('/', path)
  if ((dfd | 0) === AT_FDCWD) return resolvePath('/', path)
  const base = task.file(dfd)
  if (!base) return -EBADF
  return base.inode.directory ? resolvePath(base.path, path) : -ENOTDIR
}

export const openat: Call = (kernel, task, call) => {
  const { probes, cpu } = kernel
  if (probes.watches('do_sys_openat2')) {
    const how = probes.scratch.openHow
    set64(cpu.views.u32, how + OPEN_HOW.flags, call.a2 | O_LARGEFILE)
    set64(cpu.views.u32, how + OPEN_HOW.mode, (call.a2 & O_CREAT) !== 0 ? call.a3 & MODE_BITS : 0)
    set64(cpu.views.u32, how + OPEN_HOW.resolve, 0)
    probes.enterFunction('do_sys_openat2', call.a0, call.a1, how, 0)
  }
  const result = open(kernel, task, call)
  probes.exitFunction('do_sys_openat2', result)
  return result
}

function open(kernel: Kernel, task: KernelTask, call: CallRequest): number {
  const text = readPath(task, call, call.a1)
  if (typeof text === 'number') return text
  const path = absolutePath(task, call.a0, text)
  if (typeof path === 'number') return path
  const file = kernel.files.open(path, call.a2, call.a3, text.endsWith('/'))
  if (typeof file === 'number') return file
  const fd = task.addFile(file)
  return fd < 0 ? -EMFILE : fd
}

export const close: Call = (_kernel, task, call) => (task.removeFile(call.a0) ? 0 : -EBADF)

export const unlinkat: Call = (kernel, task, call) => {
  const { probes } = kernel
  if ((call.a2 & ~AT_REMOVEDIR) !== 0) return -EINVAL
  const directory = (call.a2 & AT_REMOVEDIR) !== 0
  const text = readPath(task, call, call.a1)
  if (!directory && probes.watches('do_unlinkat')) {
    writeFilename(kernel, call.a1, typeof text === 'string' ? text : '')
    probes.enterFunction('do_unlinkat', call.a0, probes.scratch.filename, 0, 0)
  }
  const result = typeof text === 'number' ? text : remove(kernel, task, call.a0, text, directory)
  if (!directory) probes.exitFunction('do_unlinkat', result)
  return result
}

function remove(kernel: Kernel, task: KernelTask, dfd: number, text: string, directory: boolean): number {
  const path = absolutePath(task, dfd, text)
  if (typeof path === 'number') return path
  if (!directory && text.endsWith('/')) {
    const inode = kernel.files.lookup(path)
    if (typeof inode !== 'number' && !inode.directory) return -ENOTDIR
  }
  return kernel.files.remove(path, directory)
}

const encoder = new TextEncoder()

/** Fills the struct filename in scratch. */
function writeFilename(kernel: Kernel, userAddress: number, text: string): void {
  const { u32, u8 } = kernel.cpu.views
  const at = kernel.probes.scratch.filename
  const bytes = encoder.encode(text).subarray(0, EXEC_PATH_BYTES - 1)
  set64(u32, at + FILENAME.name, at + FILENAME.iname)
  set64(u32, at + FILENAME.uptr, userAddress)
  u32[word(at + FILENAME.refcnt)] = 1
  set64(u32, at + FILENAME.aname, 0)
  u8.set(bytes, at + FILENAME.iname)
  u8[at + FILENAME.iname + bytes.length] = 0
}
