/**
 * Task slots in shared memory: claimed by whoever starts a task (the main thread for spawn, a CPU for fork), freed by
 * whoever reaps it. A slot's state is the only word that several threads write.
 */
import { COMM_BYTES, HEADER, TASK, TASK_BYTES, TASK_USER_BYTES, TASKS_MAX, TaskState } from '../layout.js'
import { type Views, word } from '../views.js'

/** The pid that reaps what has no parent; the main thread's tasks are its children. */
export const INIT_PID = 1
/** pid_max of a 64-bit kernel; numbers below RESERVED_PIDS are not used a second time. */
const PID_MAX = 4194304
const RESERVED_PIDS = 300

export interface TaskOptions {
  comm: string
  cpu: number
  uid?: number
  gid?: number
  ppid?: number
  pgid?: number
}

/** How many task slots have user memory of their own. */
export function taskSlots(views: Views): number {
  const { u32 } = views
  const windows = Math.floor((u32[word(HEADER.userEnd)] - u32[word(HEADER.user)]) / TASK_USER_BYTES)
  return Math.min(TASKS_MAX, windows)
}

/** Address of slot `slot`. */
export function taskAddress(views: Views, slot: number): number {
  return views.u32[word(HEADER.tasks)] + slot * TASK_BYTES
}

/** The slot of the living task (not free, not only claimed) with that pid, or 0. */
export function findTask(views: Views, pid: number): number {
  const slots = taskSlots(views)
  for (let slot = 0; slot < slots; slot++) {
    const address = taskAddress(views, slot)
    if (views.u32[word(address + TASK.pid)] !== pid) continue
    if (Atomics.load(views.u32, word(address + TASK.state)) !== TaskState.free) return address
  }
  return 0
}

function nextPid(views: Views): number {
  for (;;) {
    let pid = Atomics.add(views.u32, word(HEADER.nextPid), 1) >>> 0
    if (pid >= PID_MAX || pid <= INIT_PID) pid = RESERVED_PIDS + (pid % (PID_MAX - RESERVED_PIDS))
    if (findTask(views, pid) === 0) return pid
  }
}

/** Writes a comm, cut to 15 bytes and zero-padded to 16. */
export function writeComm(views: Views, address: number, comm: string): void {
  const { u8 } = views
  u8.fill(0, address, address + COMM_BYTES)
  u8.set(new TextEncoder().encode(comm).subarray(0, COMM_BYTES - 1), address)
}

/** Reads 16 bytes of comm up to the NUL. */
export function readComm(views: Views, address: number): string {
  const bytes = views.u8.slice(address, address + COMM_BYTES)
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/**
 * Claims a slot and fills it: a new pid, its user window, state `claimed`. Returns its address, 0 when every slot is
 * taken (-EAGAIN of fork).
 */
export function claimTask(views: Views, options: TaskOptions): number {
  const { u32 } = views
  const slots = taskSlots(views)
  for (let slot = 0; slot < slots; slot++) {
    const address = taskAddress(views, slot)
    const state = word(address + TASK.state)
    if (Atomics.compareExchange(u32, state, TaskState.free, TaskState.claimed) !== TaskState.free) continue
    // Cleared before the pid is chosen: the slot's last pid must not look taken, nor the new one be seen half made.
    u32.fill(0, word(address + TASK.pid), word(address + TASK_BYTES))
    const pid = nextPid(views)
    u32[word(address + TASK.tgid)] = pid
    u32[word(address + TASK.pgid)] = options.pgid ?? pid
    u32[word(address + TASK.ppid)] = options.ppid ?? INIT_PID
    u32[word(address + TASK.uid)] = options.uid ?? 0
    u32[word(address + TASK.gid)] = options.gid ?? options.uid ?? 0
    u32[word(address + TASK.cpu)] = options.cpu
    u32[word(address + TASK.userBase)] = u32[word(HEADER.user)] + slot * TASK_USER_BYTES
    u32[word(address + TASK.userBytes)] = TASK_USER_BYTES
    writeComm(views, address + TASK.comm, options.comm)
    u32[word(address + TASK.pid)] = pid
    return address
  }
  return 0
}

export function taskState(views: Views, address: number): number {
  return Atomics.load(views.u32, word(address + TASK.state))
}

/** Stores a state and wakes who waits on it. */
export function setTaskState(views: Views, address: number, state: number): void {
  Atomics.store(views.u32, word(address + TASK.state), state)
  Atomics.notify(views.i32, word(address + TASK.state))
}

/**
 * Asks the task to end by `signal` at its next system call or at once when it sleeps. The caller rings its CPU
 * (TASK.cpu) afterwards. False when it has ended already.
 */
export function killTask(views: Views, address: number, signal: number): boolean {
  const state = taskState(views, address)
  if (state === TaskState.free || state === TaskState.zombie) return false
  Atomics.compareExchange(views.u32, word(address + TASK.killed), 0, signal)
  return true
}

/** Marks a task as ended with that wait status and wakes who waits for it. It stays a zombie until it is reaped. */
export function endTask(views: Views, address: number, status: number): void {
  views.u32[word(address + TASK.exitCode)] = status
  setTaskState(views, address, TaskState.zombie)
}

/** Frees a zombie's slot and returns its wait status (exit code << 8 | signal), or -1 when it is no zombie. */
export function reapTask(views: Views, address: number): number {
  if (taskState(views, address) !== TaskState.zombie) return -1
  const status = views.u32[word(address + TASK.exitCode)]
  setTaskState(views, address, TaskState.free)
  return status
}

/**
 * Ends every task that ran on a CPU whose thread has died: they cannot go on elsewhere. Tasks only claimed are left
 * to the CPU's successor, which still gets their start message. Children without a parent to reap them are freed.
 */
export function abandonTasks(views: Views, cpu: number, signal: number): void {
  const slots = taskSlots(views)
  for (let slot = 0; slot < slots; slot++) {
    const address = taskAddress(views, slot)
    if (views.u32[word(address + TASK.cpu)] !== cpu) continue
    const state = taskState(views, address)
    const parented = views.u32[word(address + TASK.ppid)] !== INIT_PID
    if (state === TaskState.runnable || state === TaskState.sleeping) endTask(views, address, signal)
    if (parented && taskState(views, address) === TaskState.zombie) reapTask(views, address)
  }
}
