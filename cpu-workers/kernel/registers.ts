/** Writing 64-bit values and pt_regs without BigInt: numbers up to 2^53, negative ones sign-extended. */
import { KERNEL_TEXT_HIGH } from '../../shared/kernel/hooks.js'
import { PT_REGS, REGISTER_FLAGS, Segment } from '../../shared/kernel/records.js'
import { word } from '../../shared/views.js'

const TWO_32 = 2 ** 32
const REGISTER_WORDS = PT_REGS.$bytes / 4
/** Where user code seems to run: just after its syscall instruction. */
const USER_IP = 0x401000
const ENOSYS_RESULT = -38

/** Stores a signed number as 64 bits at `address`. */
export function set64(u32: Uint32Array, address: number, value: number): void {
  const at = word(address)
  u32[at] = value
  u32[at + 1] = value >= 0 && value < TWO_32 ? 0 : Math.floor(value / TWO_32)
}

/** Stores an address of kernel text. */
export function setText(u32: Uint32Array, address: number, low: number): void {
  const at = word(address)
  u32[at] = low
  u32[at + 1] = KERNEL_TEXT_HIGH
}

/** The arguments of a call, in the order of the system call convention: di, si, dx, r10, r8, r9. */
export interface CallArguments {
  readonly nr: number
  readonly a0: number
  readonly a1: number
  readonly a2: number
  readonly a3: number
  readonly a4: number
  readonly a5: number
}

/** What never changes in the registers of a task in user mode: written once, before writeUserRegisters(). */
export function prepareUserRegisters(u32: Uint32Array, address: number): void {
  u32.fill(0, word(address), word(address) + REGISTER_WORDS)
  // The syscall instruction leaves the return address in cx and the flags in r11.
  u32[word(address + PT_REGS.ip)] = USER_IP
  u32[word(address + PT_REGS.cx)] = USER_IP
  u32[word(address + PT_REGS.r11)] = REGISTER_FLAGS
  u32[word(address + PT_REGS.flags)] = REGISTER_FLAGS
  u32[word(address + PT_REGS.cs)] = Segment.userCs
  u32[word(address + PT_REGS.ss)] = Segment.userSs
}

/**
 * The registers a task had in user mode when it made a system call. `result` is what ax holds: -ENOSYS until the
 * call is done.
 */
export function writeUserRegisters(
  u32: Uint32Array,
  address: number,
  call: CallArguments,
  stackTop: number,
  result = ENOSYS_RESULT,
): void {
  set64(u32, address + PT_REGS.di, call.a0)
  set64(u32, address + PT_REGS.si, call.a1)
  set64(u32, address + PT_REGS.dx, call.a2)
  set64(u32, address + PT_REGS.r10, call.a3)
  set64(u32, address + PT_REGS.r8, call.a4)
  set64(u32, address + PT_REGS.r9, call.a5)
  set64(u32, address + PT_REGS.ax, result)
  u32[word(address + PT_REGS.orig_ax)] = call.nr
  u32[word(address + PT_REGS.sp)] = stackTop
}

/** What never changes in the registers inside the kernel, with the stack pointer at `stack`. */
export function prepareKernelRegisters(u32: Uint32Array, address: number, ipLow: number, stack: number): void {
  u32.fill(0, word(address), word(address) + REGISTER_WORDS)
  setText(u32, address + PT_REGS.ip, ipLow)
  u32[word(address + PT_REGS.flags)] = REGISTER_FLAGS
  u32[word(address + PT_REGS.cs)] = Segment.kernelCs
  u32[word(address + PT_REGS.ss)] = Segment.kernelSs
  u32[word(address + PT_REGS.sp)] = stack
  u32[word(address + PT_REGS.orig_ax)] = -1
  u32[word(address + PT_REGS.orig_ax) + 1] = -1
}
