/** System calls on tasks: man 2 getpid, getpgid, nanosleep, fork, execve, exit_group, wait4, kill. */
import { claimTask, findTask, killTask, reapTask } from '../../../shared/kernel/task.js'
import { O_CLOEXEC, WNOHANG, type Workload } from '../../../shared/kernel/workload.js'
import { TASK } from '../../../shared/layout.js'
import { EAGAIN, ECHILD, EFAULT, EINVAL, ENOENT, ENOEXEC, EPERM, ESRCH } from '../../../shared/uapi/errno.js'
import { word } from '../../../shared/views.js'
import { resolvePath } from '../files.js'
import { BLOCKED, type Call, GONE, type Kernel } from '../kernel.js'
import type { CallRequest } from '../sys.js'
import { KernelTask, Wait } from '../task.js'
import { readPath } from './memory.js'

const NS_PER_S = 1e9
const EXIT_CODE_SHIFT = 8
const EXIT_CODE_MASK = 0xff
const SIGNALS_MAX = 64
/** Signals that do not end a task by default: SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH. */
const HARMLESS = new Set([17, 18, 19, 20, 21, 22, 23, 28])
const TIMESPEC_BYTES = 16
const U64_BYTES = 8
const STATUS_BYTES = 4
const HRTIMER_MODE_REL = 1
const CLOCK_MONOTONIC = 1

export const getpid: Call = (_kernel, task) => task.tgid
export const getppid: Call = (_kernel, task) => task.ppid

export const getpgid: Call = (kernel, task, call) => {
  const pid = call.a0 | 0
  if (pid === 0) return task.pgid
  const slot = pid > 0 ? findTask(kernel.cpu.views, pid) : 0
  return slot === 0 ? -ESRCH : kernel.cpu.views.u32[word(slot + TASK.pgid)]
}

export const nanosleep: Call = (kernel, task, call) => {
  const { cpu, probes } = kernel
  if (task.userRoom(call.a0) < TIMESPEC_BYTES) return -EFAULT
  const seconds = Number(cpu.views.data.getBigInt64(call.a0, true))
  const ns = Number(cpu.views.data.getBigInt64(call.a0 + U64_BYTES, true))
  if (seconds < 0 || ns < 0 || ns >= NS_PER_S) return -EINVAL
  const duration = seconds * NS_PER_S + ns
  probes.enterFunction('hrtimer_nanosleep', duration, HRTIMER_MODE_REL, CLOCK_MONOTONIC, 0)
  task.wait = Wait.timer
  task.wakeAtNs = cpu.nowNs() + duration
  return BLOCKED
}

export const fork: Call = (kernel, task, call) => {
  const { views, number } = kernel.cpu
  const { comm, uid, gid, pgid, pid } = task
  const slot = claimTask(views, { comm, uid, gid, pgid, ppid: pid, cpu: number })
  if (slot === 0) return -EAGAIN
  const child = new KernelTask(views, slot, task.sys.nowNs.bind(task.sys))
  child.parent = task
  child.prologue = () => kernel.table.leaveFork(child)
  child.sys.copyFrom(task.sys)
  task.descriptors.forEach((file, fd) => {
    if (file) file.references++
    child.descriptors[fd] = file
  })
  const body = call.body as Workload
  const args = call.args
  child.start = () => body(child.sys, args)
  kernel.events.fork(task.slot, slot)
  kernel.table.add(child)
  return child.pid
}

export const execve: Call = (kernel, task, call) => {
  const text = readPath(task, call, call.a0)
  if (typeof text === 'number') return text
  const path = resolvePath('/', text)
  const url = kernel.files.executable(path)
  if (typeof url === 'number') return url === -ENOENT ? -ENOENT : url
  const body = kernel.modules.get(url, 'default')
  if (body === undefined) {
    task.wait = Wait.module
    task.continuation = () => finishExecve(kernel, task, path, url, call)
    return BLOCKED
  }
  return finishExecve(kernel, task, path, url, call)
}

function finishExecve(kernel: Kernel, task: KernelTask, path: string, url: string, call: CallRequest): number {
  const body = kernel.modules.get(url, 'default')
  if (body === undefined) return BLOCKED
  if (body instanceof Error) {
    kernel.cpu.report({
      kind: 'workloadError',
      cpu: task.cpu,
      pid: task.pid,
      message: `execve ${path}: ${body.message}`,
    })
    return -ENOEXEC
  }
  replaceBody(kernel, task, path, body, call.args)
  return 0
}

/** The point of no return of execve: new name, new memory, new code. */
export function replaceBody(kernel: Kernel, task: KernelTask, path: string, body: Workload, args: string[]): void {
  task.setComm(path.slice(path.lastIndexOf('/') + 1))
  kernel.events.exec(task.slot, new TextEncoder().encode(`${path}\0`))
  task.descriptors.forEach((file, fd) => {
    if (file && (file.flags & O_CLOEXEC) !== 0) task.removeFile(fd)
  })
  task.sys.reset()
  task.body = null
  task.start = () => body(task.sys, args)
}

export const exitGroup: Call = (kernel, task, call) => {
  terminate(kernel, task, (call.a0 & EXIT_CODE_MASK) << EXIT_CODE_SHIFT)
  return GONE
}

/** Ends a task by a call or a signal, with the hooks on the way. */
export function terminate(kernel: Kernel, task: KernelTask, status: number): void {
  kernel.probes.enterFunction('do_group_exit', status, 0, 0, 0)
  kernel.probes.enterFunction('do_exit', status, 0, 0, 0)
  kernel.events.exit(task.slot)
  task.descriptors.forEach((_, fd) => {
    task.removeFile(fd)
  })
  kernel.table.end(task, status)
}

export const wait4: Call = (kernel, task, call) => {
  const wanted = call.a0 | 0
  const done = takeZombie(task, wanted, call.a1)
  if (done !== 0) return done
  const waiting = kernel.table.tasks.some((child) => child.parent === task && matches(task, child, wanted))
  if (!waiting) return -ECHILD
  if ((call.a2 & WNOHANG) !== 0) return 0
  task.wait = Wait.child
  task.continuation = () => {
    const pid = takeZombie(task, wanted, call.a1)
    return pid === 0 ? BLOCKED : pid
  }
  return BLOCKED
}

function matches(task: KernelTask, child: KernelTask, wanted: number): boolean {
  if (wanted === -1) return true
  if (wanted === 0) return child.pgid === task.pgid
  return wanted > 0 ? child.pid === wanted : child.pgid === -wanted
}

/** Reaps a matching child that has ended: its pid, -EFAULT, or 0 when there is none. */
function takeZombie(task: KernelTask, wanted: number, statusAddress: number): number {
  const at = task.zombies.findIndex((child) => matches(task, child, wanted))
  if (at < 0) return 0
  const [child] = task.zombies.splice(at, 1)
  const status = reapTask(task.views, child.slot)
  if (statusAddress === 0) return child.pid
  if (task.userRoom(statusAddress) < STATUS_BYTES) return -EFAULT
  task.views.data.setUint32(statusAddress, status, true)
  return child.pid
}

export const kill: Call = (kernel, task, call) => {
  const { views } = kernel.cpu
  const pid = call.a0 | 0
  const signal = call.a1 | 0
  if (signal < 0 || signal > SIGNALS_MAX) return -EINVAL
  const slot = pid > 0 ? findTask(views, pid) : 0
  if (slot === 0) return -ESRCH
  const owner = views.u32[word(slot + TASK.uid)]
  if (task.uid !== 0 && task.uid !== owner) return -EPERM
  if (signal === 0 || HARMLESS.has(signal)) return 0
  killTask(views, slot, signal)
  kernel.cpu.ringCpu(views.u32[word(slot + TASK.cpu)])
  return 0
}
