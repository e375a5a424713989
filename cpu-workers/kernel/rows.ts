/** The system calls that tasks can make, in one table: the request's row, the number, the kernel's name. */
import { kernelName, syscallNumbers } from '../../shared/kernel/syscalls.js'

export const Row = {
  read: 0,
  write: 1,
  openat: 2,
  close: 3,
  unlinkat: 4,
  getpid: 5,
  getppid: 6,
  getpgid: 7,
  nanosleep: 8,
  fork: 9,
  execve: 10,
  exit_group: 11,
  wait4: 12,
  kill: 13,
} as const
export type CallName = keyof typeof Row

export const callNames = Object.keys(Row) as CallName[]

/** The system call's number by row. */
export const callNumbers: readonly number[] = callNames.map((name) => {
  const number = syscallNumbers.get(name)
  if (number === undefined) throw new Error(`no system call ${name}`)
  return number
})

/** The name that the row's symbols and tracepoints carry. */
export function rowKernelName(row: number): string {
  return kernelName(callNames[row])
}
