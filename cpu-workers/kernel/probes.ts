/** Firing the hooks of system calls and kernel functions. Contexts are built only when something is attached. */
import { type KernelFunction, kernelFunctions, symbolAddressLow } from '../../shared/kernel/hooks.js'
import { PT_REGS, RAW_SYS_ENTER, RAW_SYS_EXIT, SYS_ENTER, SYS_EXIT, TASK_SCRATCH } from '../../shared/kernel/records.js'
import { CPU, TASK, TASK_USER_BYTES } from '../../shared/layout.js'
import { word } from '../../shared/views.js'
import type { Cpu, Hook } from '../context.js'
import { type EventIds, eventIds, writeEntry } from './events.js'
import {
  type CallArguments,
  prepareKernelRegisters,
  prepareUserRegisters,
  set64,
  setText,
  writeUserRegisters,
} from './registers.js'

const REGISTERS_BYTES = PT_REGS.$bytes
const RAW_ARGS_BYTES = 16
const U64_BYTES = 8

/** The hooks at a kernel function's entry and return. */
export interface FunctionProbes {
  readonly entry: Hook
  readonly exit: Hook
  readonly addressLow: number
}

/** All hooks of one system call. */
export interface SyscallProbes {
  readonly enter: Hook
  readonly exit: Hook
  readonly body: FunctionProbes
  readonly enterId: number
  readonly exitId: number
}

/** Builds contexts in this CPU's scratch and fires hooks on them. */
export class Probes {
  readonly functions: Record<KernelFunction, FunctionProbes>
  /** Addresses of the scratch's parts. */
  readonly scratch: { readonly [K in keyof typeof TASK_SCRATCH]: number }
  readonly #u32: Uint32Array
  readonly #rawEnter: Hook
  readonly #rawExit: Hook
  readonly #traceEnter: Hook
  readonly #traceExit: Hook
  readonly #callerLow = symbolAddressLow('do_syscall_64')
  readonly #ids: EventIds

  constructor(readonly cpu: Cpu) {
    this.#u32 = cpu.views.u32
    const base = cpu.area + CPU.scratch
    const parts = Object.entries(TASK_SCRATCH).map(([name, offset]) => [name, base + offset])
    this.scratch = Object.fromEntries(parts)
    this.#prepare()
    this.#rawEnter = cpu.hook('raw_tp:sys_enter')
    this.#rawExit = cpu.hook('raw_tp:sys_exit')
    this.#traceEnter = cpu.hook('tracepoint:raw_syscalls/sys_enter')
    this.#traceExit = cpu.hook('tracepoint:raw_syscalls/sys_exit')
    this.#ids = eventIds
    const names = Object.keys(kernelFunctions) as KernelFunction[]
    this.functions = Object.fromEntries(names.map((name) => [name, this.#function(name)])) as typeof this.functions
  }

  /** Fills in what no call changes: programs can only read these contexts. */
  #prepare(): void {
    const { userRegs, entryRegs, returnRegs, returnAddress } = this.scratch
    prepareUserRegisters(this.#u32, userRegs)
    setText(this.#u32, returnAddress, this.#callerLow)
    prepareKernelRegisters(this.#u32, entryRegs, 0, returnAddress)
    prepareKernelRegisters(this.#u32, returnRegs, this.#callerLow, returnAddress + U64_BYTES)
  }

  #function(symbol: string): FunctionProbes {
    return {
      entry: this.cpu.hook(`kprobe:${symbol}`),
      exit: this.cpu.hook(`kretprobe:${symbol}`),
      addressLow: symbolAddressLow(symbol),
    }
  }

  /** The hooks of the system call that the kernel calls `name`. */
  syscall(name: string): SyscallProbes {
    return {
      enter: this.cpu.hook(`tracepoint:syscalls/sys_enter_${name}`),
      exit: this.cpu.hook(`tracepoint:syscalls/sys_exit_${name}`),
      body: this.#function(`__x64_sys_${name}`),
      enterId: this.#ids.tracepoint('syscalls', `sys_enter_${name}`),
      exitId: this.#ids.tracepoint('syscalls', `sys_exit_${name}`),
    }
  }

  /** What happens between the syscall instruction and the call's own code. `task`: the slot of the calling task. */
  enterSyscall(probes: SyscallProbes, call: CallArguments, task: number): void {
    const { cpu, scratch } = this
    const raw = this.#rawEnter.attached.length !== 0
    const trace = this.#traceEnter.attached.length !== 0
    const named = probes.enter.attached.length !== 0
    const body = probes.body.entry.attached.length !== 0
    if (!(raw || trace || named || body)) return
    if (raw || body) this.#userRegisters(call, task)
    if (raw) {
      this.#rawArgs(scratch.userRegs, call.nr)
      cpu.fire(this.#rawEnter, scratch.rawArgs, RAW_ARGS_BYTES)
    }
    if (trace) {
      writeEntry(this.#u32, scratch.record, this.#ids.rawEnter, task)
      set64(this.#u32, scratch.record + RAW_SYS_ENTER.id, call.nr)
      this.#arguments(scratch.record + RAW_SYS_ENTER.args, call)
      cpu.fire(this.#traceEnter, scratch.record, RAW_SYS_ENTER.$bytes)
    }
    if (named) {
      writeEntry(this.#u32, scratch.record, probes.enterId, task)
      set64(this.#u32, scratch.record + SYS_ENTER.nr, call.nr)
      this.#arguments(scratch.record + SYS_ENTER.args, call)
      cpu.fire(probes.enter, scratch.record, SYS_ENTER.$bytes)
    }
    if (body) this.#fireEntry(probes.body, scratch.userRegs, 0, 0, 0)
  }

  /** What happens between the call's own code and the return to user mode. */
  exitSyscall(probes: SyscallProbes, call: CallArguments, task: number, result: number): void {
    if (probes.body.exit.attached.length !== 0) this.#fireExit(probes.body, result)
    this.leaveKernel(probes, call, task, result)
  }

  /** The tracepoints of a call's end alone: a new child comes from a fork whose function it never ran. */
  leaveKernel(probes: SyscallProbes, call: CallArguments, task: number, result: number): void {
    const { cpu, scratch } = this
    if (this.#rawExit.attached.length !== 0) {
      this.#userRegisters(call, task, result)
      this.#rawArgs(scratch.userRegs, result)
      cpu.fire(this.#rawExit, scratch.rawArgs, RAW_ARGS_BYTES)
    }
    if (this.#traceExit.attached.length !== 0) {
      writeEntry(this.#u32, scratch.record, this.#ids.rawExit, task)
      set64(this.#u32, scratch.record + RAW_SYS_EXIT.id, call.nr)
      set64(this.#u32, scratch.record + RAW_SYS_EXIT.ret, result)
      cpu.fire(this.#traceExit, scratch.record, RAW_SYS_EXIT.$bytes)
    }
    if (probes.exit.attached.length !== 0) {
      writeEntry(this.#u32, scratch.record, probes.exitId, task)
      set64(this.#u32, scratch.record + SYS_EXIT.nr, call.nr)
      set64(this.#u32, scratch.record + SYS_EXIT.ret, result)
      cpu.fire(probes.exit, scratch.record, SYS_EXIT.$bytes)
    }
  }

  /** A kernel function inside a system call begins; its arguments are in the order of the C calling convention. */
  enterFunction(name: KernelFunction, di: number, si: number, dx: number, cx: number): void {
    const probes = this.functions[name]
    if (probes.entry.attached.length !== 0) this.#fireEntry(probes, di, si, dx, cx)
  }

  /** A kernel function inside a system call returns `result`. */
  exitFunction(name: KernelFunction, result: number): void {
    const probes = this.functions[name]
    if (probes.exit.attached.length !== 0) this.#fireExit(probes, result)
  }

  /** True when the entry of `name` has something attached: its arguments' memory must then be filled. */
  watches(name: KernelFunction): boolean {
    return this.functions[name].entry.attached.length !== 0
  }

  #userRegisters(call: CallArguments, task: number, result?: number): void {
    const stackTop = this.#u32[word(task + TASK.userBase)] + TASK_USER_BYTES - U64_BYTES
    writeUserRegisters(this.#u32, this.scratch.userRegs, call, stackTop, result)
  }

  #rawArgs(first: number, second: number): void {
    set64(this.#u32, this.scratch.rawArgs, first)
    set64(this.#u32, this.scratch.rawArgs + U64_BYTES, second)
  }

  #arguments(address: number, call: CallArguments): void {
    const u32 = this.#u32
    set64(u32, address, call.a0)
    set64(u32, address + U64_BYTES, call.a1)
    set64(u32, address + 2 * U64_BYTES, call.a2)
    set64(u32, address + 3 * U64_BYTES, call.a3)
    set64(u32, address + 4 * U64_BYTES, call.a4)
    set64(u32, address + 5 * U64_BYTES, call.a5)
  }

  #fireEntry(probes: FunctionProbes, di: number, si: number, dx: number, cx: number): void {
    const u32 = this.#u32
    const regs = this.scratch.entryRegs
    u32[word(regs + PT_REGS.ip)] = probes.addressLow
    set64(u32, regs + PT_REGS.di, di)
    set64(u32, regs + PT_REGS.si, si)
    set64(u32, regs + PT_REGS.dx, dx)
    set64(u32, regs + PT_REGS.cx, cx)
    this.cpu.fire(probes.entry, regs, REGISTERS_BYTES)
  }

  #fireExit(probes: FunctionProbes, result: number): void {
    const regs = this.scratch.returnRegs
    set64(this.#u32, regs + PT_REGS.ax, result)
    this.cpu.fire(probes.exit, regs, REGISTERS_BYTES)
  }
}
