/**
 * What hooks hand to programs, as Linux 6.18 on x86-64 lays it out: registers, tracepoint records (the format files of
 * tracefs), raw tracepoint arguments. Offsets are relative to the record.
 */
import { COMM_BYTES, SCRATCH_BYTES } from '../layout.js'
import { array, blob, layout, U8, U16, U32, U64 } from '../struct.js'

/** struct pt_regs (asm/ptrace.h). */
export const PT_REGS = layout({
  r15: U64,
  r14: U64,
  r13: U64,
  r12: U64,
  bp: U64,
  bx: U64,
  r11: U64,
  r10: U64,
  r9: U64,
  r8: U64,
  ax: U64,
  cx: U64,
  dx: U64,
  si: U64,
  di: U64,
  orig_ax: U64,
  ip: U64,
  cs: U64,
  flags: U64,
  sp: U64,
  ss: U64,
})

/** Selectors and flags that pt_regs shows in the kernel and in user mode. */
export const Segment = { kernelCs: 0x10, kernelSs: 0x18, userCs: 0x33, userSs: 0x2b } as const
export const REGISTER_FLAGS = 0x246

/** The fields every tracepoint record begins with (struct trace_entry). */
const entry = { type: U16, flags: U8, preemptCount: U8, pid: U32 } as const
export const TRACE_ENTRY = layout(entry)

/** syscalls:sys_enter_NAME; the arguments a call does not have are absent. */
export const SYS_ENTER = layout({ ...entry, nr: U32, args: array(U64, 6) })
/** syscalls:sys_exit_NAME. */
export const SYS_EXIT = layout({ ...entry, nr: U32, ret: U64 })
/** raw_syscalls:sys_enter. */
export const RAW_SYS_ENTER = layout({ ...entry, id: U64, args: array(U64, 6) })
/** raw_syscalls:sys_exit. */
export const RAW_SYS_EXIT = layout({ ...entry, id: U64, ret: U64 })

/** sched:sched_process_fork; the *Loc fields locate a string: offset in the low half, bytes with NUL in the high. */
export const SCHED_FORK = layout({
  ...entry,
  parentCommLoc: U32,
  parentPid: U32,
  childCommLoc: U32,
  childPid: U32,
  strings: blob(2 * COMM_BYTES, 1),
})
export const EXEC_PATH_BYTES = 256
/** sched:sched_process_exec. */
export const SCHED_EXEC = layout({
  ...entry,
  filenameLoc: U32,
  execPid: U32,
  oldPid: U32,
  strings: blob(EXEC_PATH_BYTES, 1),
})
/** sched:sched_process_exit. */
export const SCHED_EXIT = layout({ ...entry, comm: blob(COMM_BYTES), exitPid: U32, prio: U32, groupDead: U8 })

/** struct filename (linux/fs.h), with the name itself behind it. */
export const FILENAME = layout({ name: U64, uptr: U64, refcnt: U32, aname: U64, iname: blob(EXEC_PATH_BYTES) })
/** struct open_how (linux/openat2.h). */
export const OPEN_HOW = layout({ flags: U64, mode: U64, resolve: U64 })

/** Most arguments a raw tracepoint has. */
const RAW_ARGS_MAX = 6

/** How a task's context level uses CPU.scratch; offsets are relative to it. */
export const TASK_SCRATCH = layout({
  userRegs: blob(PT_REGS.$bytes, 8),
  /** Registers at a kernel function's entry, and at its return. */
  entryRegs: blob(PT_REGS.$bytes, 8),
  returnRegs: blob(PT_REGS.$bytes, 8),
  rawArgs: array(U64, RAW_ARGS_MAX),
  record: blob(512, 8),
  filename: blob(FILENAME.$bytes, 8),
  openHow: blob(OPEN_HOW.$bytes, 8),
  /** What a struct file pointer, and a pointer to its position, point to. */
  file: blob(256, 8),
  position: U64,
  /** struct linux_binprm's stand-in for sched_process_exec's third argument. */
  binprm: blob(256, 8),
  /** Top of the kernel stack: the return address that a function finds at its entry. */
  returnAddress: U64,
})

if (TASK_SCRATCH.$bytes > SCRATCH_BYTES) throw new Error('shared/kernel/records.ts: the task scratch does not fit')
