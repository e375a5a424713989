/** Reading a call's arguments from the task's user memory. */
import { EFAULT, ENAMETOOLONG, ENOENT } from '../../../shared/uapi/errno.js'
import type { CallRequest } from '../sys.js'
import type { KernelTask } from '../task.js'

/** PATH_MAX: bytes of a path with its NUL. */
const PATH_BYTES_MAX = 4096

/** The path that a call names, its text at `address`: a string, or a negative errno. */
export function readPath(task: KernelTask, call: CallRequest, address: number): string | number {
  if (call.path !== null) {
    if (call.path.length === 0) return -ENOENT
    return Buffer.byteLength(call.path) >= PATH_BYTES_MAX ? -ENAMETOOLONG : call.path
  }
  const room = task.userRoom(address)
  if (room === 0) return -EFAULT
  const from = address - task.userBase
  const bytes = task.sys.user.slice(from, from + Math.min(room, PATH_BYTES_MAX))
  const end = bytes.indexOf(0)
  if (end === 0) return -ENOENT
  if (end < 0) return bytes.length < PATH_BYTES_MAX ? -EFAULT : -ENAMETOOLONG
  return Buffer.from(bytes.subarray(0, end)).toString()
}
