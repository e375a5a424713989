import type { Call } from '../kernel.js'
import type { CallName } from '../rows.js'
import { close, openat, read, unlinkat, write } from './files.js'
import { execve, exitGroup, fork, getpgid, getpid, getppid, kill, nanosleep, wait4 } from './process.js'

/** The function behind each system call: one line here and one in rows.ts. */
export const calls: Record<CallName, Call> = {
  read,
  write,
  openat,
  close,
  unlinkat,
  getpid,
  getppid,
  getpgid,
  nanosleep,
  fork,
  execve,
  exit_group: exitGroup,
  wait4,
  kill,
}
