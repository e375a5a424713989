/**
 * The tasks of one CPU. They take turns: each runs until it has made a slice's worth of system calls, sleeps or ends.
 * Nothing here is shared but the slots; a task never leaves its CPU.
 */
import { endTask, INIT_PID, reapTask, setTaskState, taskState } from '../../shared/kernel/task.js'
import { O_RDONLY, O_WRONLY, SIGABRT, type Workload } from '../../shared/kernel/workload.js'
import { CPU, TASK, TaskState } from '../../shared/layout.js'
import type { SpawnMessage } from '../../shared/messages.js'
import { EINTR } from '../../shared/uapi/errno.js'
import { word } from '../../shared/views.js'
import type { Cpu, Workloads } from '../context.js'
import { calls } from './calls/index.js'
import { replaceBody, terminate } from './calls/process.js'
import { BLOCKED, type Call, GONE, Kernel, type TaskTable } from './kernel.js'
import type { Modules } from './modules.js'
import type { SyscallProbes } from './probes.js'
import type { CallArguments } from './registers.js'
import { callNames, callNumbers, Row, rowKernelName } from './rows.js'
import type { CallRequest } from './sys.js'
import { KernelTask, Wait } from './task.js'

/** System calls of one task before the next one's turn. */
const SLICE_CALLS = 128
const NS_PER_MS = 1e6
const EXIT_CODE_SHIFT = 8
/** What a shell answers for a program that it cannot find or run. */
const EXIT_NOT_RUN = 127

/** The call from which a new child returns. */
const forkCall: CallArguments = { nr: callNumbers[Row.fork], a0: 0, a1: 0, a2: 0, a3: 0, a4: 0, a5: 0 }

interface CallRow {
  readonly call: Call
  readonly probes: SyscallProbes
}

export class Scheduler implements Workloads, TaskTable {
  readonly tasks: KernelTask[] = []
  readonly #cpu: Cpu
  readonly #kernel: Kernel
  readonly #rows: readonly CallRow[]
  readonly #spawns: SpawnMessage[] = []
  readonly #currentTask: number
  #turn = 0

  constructor(cpu: Cpu) {
    this.#cpu = cpu
    this.#kernel = new Kernel(cpu, this)
    this.#currentTask = word(cpu.area + CPU.currentTask)
    this.#rows = callNames.map((name, row) => ({
      call: calls[name],
      probes: this.#kernel.probes.syscall(rowKernelName(row)),
    }))
  }

  /** The executables' modules: bodies can be defined there without a file. */
  get modules(): Modules {
    return this.#kernel.modules
  }

  onSpawn(message: SpawnMessage): void {
    this.#spawns.push(message)
  }

  runnable(): boolean {
    if (this.#spawns.some((message) => this.#body(message) !== undefined)) return true
    const now = this.#cpu.nowNs()
    return this.tasks.some((task) => this.#isReady(task, now))
  }

  nextTimerMs(): number {
    let next = Number.POSITIVE_INFINITY
    for (const task of this.tasks) if (task.wait === Wait.timer) next = Math.min(next, task.wakeAtNs)
    return Math.max(0, (next - this.#cpu.nowNs()) / NS_PER_MS)
  }

  awaiting(): Promise<unknown> | null {
    for (const message of this.#spawns) this.#body(message)
    return this.#kernel.modules.pending()
  }

  slice(): void {
    this.#admit()
    const task = this.#next()
    if (task === undefined) return
    const { u32 } = this.#cpu.views
    u32[this.#currentTask] = task.slot
    try {
      this.#run(task)
    } finally {
      u32[this.#currentTask] = 0
    }
  }

  add(task: KernelTask): void {
    this.tasks.push(task)
    setTaskState(task.views, task.slot, TaskState.runnable)
  }

  wake(task: KernelTask, result: number): void {
    task.wait = Wait.none
    task.continuation = null
    setTaskState(task.views, task.slot, TaskState.runnable)
    task.result = result
  }

  leaveFork(child: KernelTask): void {
    this.#kernel.probes.leaveKernel(this.#rows[Row.fork].probes, forkCall, child.slot, 0)
  }

  end(task: KernelTask, status: number): void {
    const { views } = task
    task.ended = true
    this.tasks.splice(this.tasks.indexOf(task), 1)
    for (const child of this.tasks) if (child.parent === task) this.#orphan(child)
    for (const zombie of task.zombies) reapTask(views, zombie.slot)
    endTask(views, task.slot, status)
    if (task.parent) {
      task.parent.zombies.push(task)
      task.parent.childEnded = true
    }
    // A task that the main thread started is its child: it reaps it. An orphan has nobody who would.
    else if (task.adopted) reapTask(views, task.slot)
    else this.#cpu.ringMain()
  }

  #orphan(child: KernelTask): void {
    child.parent = null
    child.adopted = true
    child.setParentPid(INIT_PID)
  }

  /** The body of a task to be started: what the message names is a path of an executable, or a module's URL. */
  #body(message: SpawnMessage): Workload | Error | undefined {
    const { files, modules } = this.#kernel
    if (isUrl(message.url)) return modules.get(message.url, message.exportName)
    const found = files.executable(executablePath(message))
    if (typeof found === 'number') return new Error(`${message.url}: no such executable (${found})`)
    return modules.get(found, 'default')
  }

  /** Makes tasks of the spawn messages whose modules are there. */
  #admit(): void {
    for (let at = 0; at < this.#spawns.length; ) {
      const message = this.#spawns[at]
      const body = this.#body(message)
      if (body === undefined) at++
      else {
        this.#spawns.splice(at, 1)
        this.#start(message, body)
      }
    }
  }

  #start(message: SpawnMessage, body: Workload | Error): void {
    const { views } = this.#cpu
    // A predecessor of this CPU's thread had started it already: it died with that thread.
    if (taskState(views, message.task) !== TaskState.claimed) return
    if (views.u32[word(message.task + TASK.pid)] !== message.pid) return
    const task = new KernelTask(views, message.task, () => this.#cpu.nowNs())
    this.add(task)
    if (body instanceof Error) {
      this.#report(task, body.message)
      this.end(task, EXIT_NOT_RUN << EXIT_CODE_SHIFT)
      return
    }
    for (const [path, flags] of [
      ['/dev/null', O_RDONLY],
      ['/dev/console', O_WRONLY],
      ['/dev/console', O_WRONLY],
    ] as const) {
      const file = this.#kernel.files.open(path, flags, 0, false)
      if (typeof file !== 'number') task.addFile(file)
    }
    task.prologue = () => this.#execute(task, body, message)
  }

  /** A started task's first act is the execve that a shell's child would make. */
  #execute(task: KernelTask, body: Workload, message: SpawnMessage): void {
    const path = executablePath(message, task.comm)
    const comm = task.comm
    const call = task.sys.execve(path, [comm, ...message.args]) as CallRequest
    const { probes } = this.#rows[Row.execve]
    this.#kernel.probes.enterSyscall(probes, call, task.slot)
    replaceBody(this.#kernel, task, path, body, message.args)
    task.setComm(comm)
    this.#kernel.probes.exitSyscall(probes, call, task.slot, 0)
  }

  #isReady(task: KernelTask, now: number): boolean {
    if (task.wait === Wait.none || task.signal !== 0) return true
    if (task.wait === Wait.timer) return task.wakeAtNs <= now
    return this.#mayContinue(task)
  }

  #mayContinue(task: KernelTask): boolean {
    if (task.wait === Wait.child) return task.childEnded
    return this.#kernel.modules.pending() === null
  }

  /** The next task in turn that can go on. */
  #next(): KernelTask | undefined {
    const now = this.#cpu.nowNs()
    const count = this.tasks.length
    for (let i = 0; i < count; i++) {
      const at = (this.#turn + i) % count
      const task = this.tasks[at]
      if (!this.#isReady(task, now)) continue
      this.#turn = at + 1
      return task
    }
    return undefined
  }

  /** Finishes the call that a sleeping task made; false when it sleeps on or has ended. */
  #wakeUp(task: KernelTask): boolean {
    if (task.wait === Wait.none) return true
    const probes = this.#kernel.probes
    let result = 0
    if (task.signal !== 0) result = -EINTR
    else if (task.continuation) {
      task.childEnded = false
      result = task.continuation()
    }
    if (result === BLOCKED) return false
    if (task.wait === Wait.timer) probes.exitFunction('hrtimer_nanosleep', result)
    this.wake(task, result)
    const { request } = task.sys
    probes.exitSyscall(this.#rows[request.row].probes, request, task.slot, result)
    return true
  }

  #run(task: KernelTask): void {
    this.#cpu.synchronize()
    if (!this.#wakeUp(task)) return
    // Not with the task's own code below: what a hook throws is no error of the workload.
    if (task.prologue) {
      const { prologue } = task
      task.prologue = null
      prologue()
    }
    for (let made = 0; made < SLICE_CALLS; made++) {
      const { signal } = task
      if (signal !== 0) {
        terminate(this.#kernel, task, signal)
        return
      }
      const request = this.#resume(task)
      if (request === null) return
      const result = this.#call(task, request)
      if (result === GONE) return
      if (result === BLOCKED) {
        setTaskState(task.views, task.slot, TaskState.sleeping)
        return
      }
      task.result = result
    }
  }

  /** Runs the task's own code up to its next call: null when it has ended. */
  #resume(task: KernelTask): CallRequest | null {
    let step: IteratorResult<unknown, unknown>
    try {
      task.body ??= this.#begin(task)
      step = task.body.next(task.result)
    } catch (error) {
      return this.#crash(task, error)
    }
    if (step.done) {
      const code = typeof step.value === 'number' ? step.value : 0
      this.#call(task, task.sys.exit(code) as CallRequest)
      return null
    }
    if (step.value === task.sys.request) return task.sys.request
    return this.#crash(task, new Error('a workload may only yield the calls of its own sys'))
  }

  /** Makes the generator; a body that is a plain function is over when it returns. */
  #begin(task: KernelTask): NonNullable<KernelTask['body']> {
    const body = task.start()
    if (body !== null && typeof body === 'object' && 'next' in body && typeof body.next === 'function') {
      return body as NonNullable<KernelTask['body']>
    }
    return { next: () => ({ done: true, value: body }) }
  }

  #crash(task: KernelTask, error: unknown): null {
    this.#report(task, error instanceof Error ? (error.stack ?? error.message) : String(error))
    if (!task.ended) terminate(this.#kernel, task, SIGABRT)
    return null
  }

  #report(task: KernelTask, message: string): void {
    this.#cpu.report({ kind: 'workloadError', cpu: task.cpu, pid: task.pid, message })
  }

  /** One system call with all its hooks. */
  #call(task: KernelTask, request: CallRequest): number {
    const cpu = this.#cpu
    const { probes } = this.#kernel
    const row = this.#rows[request.row]
    cpu.synchronize()
    cpu.views.u32[word(task.slot + TASK.syscalls)]++
    probes.enterSyscall(row.probes, request, task.slot)
    const result = row.call(this.#kernel, task, request)
    if (result === BLOCKED || result === GONE) return result
    probes.exitSyscall(row.probes, request, task.slot, result)
    return result
  }
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z+.-]*:/i.test(text)
}

/** Where the executable of a started task lies: the path given, or /bin with the name given or the task's own. */
function executablePath(message: SpawnMessage, comm = message.url): string {
  if (isUrl(message.url)) return `/bin/${comm}`
  return message.url.includes('/') ? message.url : `/bin/${message.url}`
}
