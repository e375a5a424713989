/**
 * Every offset in the machine's shared memory. Nothing else in the project may write one down.
 *
 *   0 ........ null guard: address 0 is NULL, nothing lives here
 *   HEADER ... machine-wide words (doorbells, generation, signals, limits)
 *   CPU n .... one area per possible CPU (state, intent record, event ring, scratch, stacks)
 *   TASK n ... one slot per simulated task
 *   TRACE .... trace_pipe's ring
 *   heap ..... allocator: maps, rings, packets, test contexts
 *   user ..... user memory of simulated tasks, one window per task slot
 */
export * from './layout_maps.js'

import { CACHE_LINE_BYTES, MAP, MAP_BYTES } from './layout_maps.js'
import { alignUp, array, blob, type Field, layout, U8, U16, U32, U64 } from './struct.js'

export const PAGE_BYTES = 4096
export const NULL_GUARD_BYTES = 65536
export const MEMORY_MIN_BYTES = 16 * 1024 * 1024
export const MEMORY_DEFAULT_BYTES = 1024 * 1024 * 1024
/** Above 2 GiB an i32 pointer reaches JavaScript as a negative number. */
export const MEMORY_MAX_BYTES = 2 * 1024 * 1024 * 1024
export const CPUS_MAX = 64
/** Lock owners that are no CPU. */
export const WRITER_MAIN = CPUS_MAX
export const WRITER_SUPERVISOR = CPUS_MAX + 1
export const TASKS_MAX = 1024

const line = (field: Field): Field => ({ bytes: field.bytes, align: CACHE_LINE_BYTES })
const word8 = (field: Field): Field => ({ bytes: field.bytes, align: 8 })

/** Value of HEADER.magic: "SBPF" little-endian. */
export const MACHINE_MAGIC = 0x46504253

/** Machine-wide words; offsets are absolute addresses. */
export const HEADER = layout(
  {
    magic: U32,
    memoryBytes: U32,
    cpusPossible: U32,
    /** 1 from the moment shutdown begins: every bounded wait gives up. */
    shuttingDown: U32,
    tasks: U32,
    trace: U32,
    heap: U32,
    heapEnd: U32,
    user: U32,
    userEnd: U32,
    nextPid: U32,
    /** Wall clock at boot minus CLOCK_MONOTONIC at boot, in ns (float64): realtime = monotonic + this. */
    realtimeOffsetNs: U64,
    /** Bumped after each publication; CPUs compare it at each hook. */
    generation: line(U32),
    /** The main thread sleeps on this word; producers increment it and notify when mainSleeping is not 0. */
    mainDoorbell: line(U32),
    mainSleeping: U32,
    /** Increments a few times a second while the supervisor's event loop runs. */
    supervisorHeartbeat: line(U32),
    /** Sleeping word of the supervisor's synchronous calls: reply counter. */
    supervisorReplies: U32,
    /** See SupervisorState. */
    supervisorState: U32,
    /** Count of CPU deaths handled; changes wake those who wait on a CPU. */
    cpuDeaths: line(U32),
    /** How many of them owned a lock. */
    cpuDeathsLocked: U32,
    /** CPUs online now; changes wake those who wait for a start or a restart. */
    cpusOnline: U32,
    /** Fault points (test builds): the armed point's countdown, and what to do when it reaches 0. */
    faultCountdown: line(U32),
    faultAction: U32,
    faultCpu: U32,
    /** Fault points that went off, and the id of the last one. */
    faultsFired: U32,
    faultPoint: U32,
  },
  NULL_GUARD_BYTES,
)

/** The words between the main thread and the signal worker, in a memory of their own: signals are the process's. */
export const SIGNAL = layout({
  /** Ctrl-C presses seen by the signal worker and not yet delivered. */
  sigints: U32,
  /** What the signal worker is to do; it sleeps on this word. */
  command: U32,
  /** Times it has obeyed, or has taken over SIGINT. */
  replies: U32,
})
export const SignalCommand = { none: 0, rearm: 1, die: 2, leave: 3 } as const

export const SupervisorState = { none: 0, starting: 1, ready: 2, down: 3 } as const
/** What an armed fault point does to its CPU. */
export const FaultAction = { none: 0, exit: 1, throw: 2, exhaust: 3, terminate: 4 } as const

export const CpuState = { offline: 0, starting: 1, online: 2, dead: 3, broken: 4 } as const

/** BPF stack: 8 frames of 512 bytes for each context level. */
export const FRAME_BYTES = 512
export const FRAMES_MAX = 8
export const CONTEXT_LEVELS = 4
/** Slots of each thread's table of programs that tail calls go through; a power of two. */
export const PROGRAM_SLOTS = 1024
export const ContextLevel = { task: 0, softirq: 1, irq: 2, nmi: 3 } as const
/** Room a hook has, per context level, to build what its program's context points to. */
export const SCRATCH_BYTES = 6144
export const EVENT_RING_ENTRIES = 64
/** Most bytes of a bpf_trace_printk text, with its NUL. */
export const TRACE_TEXT_BYTES = 1024

/** One command to a CPU. `done` is a futex word: 0 while pending, 1 finished, 2 the CPU died. */
export const EVENT = layout({
  kind: U32,
  program: U32,
  context: U32,
  contextBytes: U32,
  repeat: U32,
  /** Address of a RUN_RESULT. */
  result: U32,
  argument: U32,
  sequence: U32,
})
export const EventKind = { none: 0, run: 1, call: 2 } as const

/** Where a `run` event leaves its outcome: one for each entry of the event ring. */
export const RUN_RESULT = layout({
  done: U32,
  /** Set by the caller to stop the repetitions early. */
  cancel: U32,
  /** r0 of the last repetition, low and high word. */
  retval: U32,
  retvalHigh: U32,
  /** 0, or a negative errno. */
  error: U32,
  /** Mean ns per repetition. */
  durationNs: U32,
  runs: U32,
})

/**
 * What a CPU is about to change in a locked section or ring reservation, written before the first shared store, so
 * that the supervisor can finish or undo it when the CPU dies. kind 0: nothing under way.
 */
export const INTENT = layout({
  kind: U32,
  /** Address of the map or ring under change. */
  object: U32,
  /** Address of the held (or wanted) lock word; the word itself says whether it is held. */
  lock: U32,
  /** A second lock taken inside the first (a free list's). */
  innerLock: U32,
  a: U32,
  b: U32,
  c: U32,
  d: U32,
})
export const IntentKind = {
  none: 0,
  hashInsert: 1,
  hashReplace: 2,
  hashDelete: 3,
  perfOutput: 4,
  perfOutputLost: 5,
} as const

export const DEBUG_BREAKPOINTS_MAX = 256
export const DEBUG_MESSAGE_BYTES = 256
/**
 * A debugger's session: one program on one CPU. While the program stands still, its CPU waits on `command`; the main
 * thread reads and writes the rest meanwhile.
 */
export const DEBUG = layout({
  /** See DebugCommand; the CPU sleeps on this word and sets it to none when it has taken the command. */
  command: U32,
  /** See DebugState; the main thread sleeps on it. */
  state: U32,
  /** See DebugReason. */
  reason: U32,
  /** Instructions for `step`. */
  count: U32,
  /** Next instruction; instructions done in this run. */
  pc: U32,
  steps: U32,
  /** r0 to r10: read after a stop, written back before the next command. */
  registers: array(U64, 11),
  /** Calls under way: where each returns to, the outermost first, and the r10 of its caller. */
  depth: U32,
  returns: array(U32, FRAMES_MAX),
  frames: array(U32, FRAMES_MAX),
  breakpoints: U32,
  breakpoint: array(U32, DEBUG_BREAKPOINTS_MAX),
  /** Context of the run: address and bytes. */
  context: U32,
  contextBytes: U32,
  messageBytes: U32,
  message: blob(DEBUG_MESSAGE_BYTES, 4),
  /** Keys that callbacks of bpf_for_each_map_elem are shown, one room for each frame. */
  keys: array(blob(FRAME_BYTES, 8), FRAMES_MAX),
})
export const DebugCommand = { none: 0, step: 1, over: 2, out: 3, cont: 4, detach: 5 } as const
/** running: also when the program is not running at all. */
export const DebugState = { running: 0, stopped: 1 } as const
export const DebugReason = { entry: 0, step: 1, breakpoint: 2, exit: 3, fault: 4 } as const

/** A program's trap: what it touched and why, written just before it stops. */
export const FAULT = layout({ address: U64, bytes: U32, kind: U32 })
export const FaultKind = {
  none: 0,
  read: 1,
  write: 2,
  misaligned: 3,
  stackOverflow: 4,
  /** A helper's argument is not one of the program's maps, or not its context. */
  badMap: 5,
  badContext: 6,
} as const

/** Per-CPU area; offsets are relative to cpuArea(n). */
export const CPU = layout({
  number: U32,
  state: U32,
  /** Node's id of the thread that is this CPU now, 0 for none. */
  thread: U32,
  /** Times this CPU has been (re)started. */
  incarnation: U32,
  contextLevel: U32,
  currentTask: U32,
  /** BPF_PROG_TYPE_* of the program that began last: trace lines show how its hook runs. */
  programType: U32,
  /** Generation this CPU has caught up with. */
  seenGeneration: U32,
  prandom: array(U32, 4),
  /** Programs finished, hooks fired: statistics, written by this CPU only. */
  programRuns: U32,
  programTraps: U32,
  fault: blob(FAULT.$bytes, 8),
  /** Arguments of helpers implemented in JavaScript, as u64 each: no BigInt crosses the border. */
  helperArguments: array(U64, 8),
  helperResult: U64,
  /** r0 of the program that finished last, all 64 bits. */
  retval: U64,
  /** Depth of programs running now: not 0 means inside a read-side section. Polled by grace periods. */
  nesting: line(U32),
  /** Increments whenever nesting returns to 0: a grace period ends when it moved. */
  quiescent: U32,
  /** The CPU sleeps on this word. */
  doorbell: line(U32),
  sleeping: U32,
  intent: line(blob(INTENT.$bytes, 4)),
  /** Event ring: the main thread appends at head, the CPU consumes at tail, both running numbers. */
  eventHead: line(U32),
  eventTail: line(U32),
  events: array(blob(EVENT.$bytes, 4), EVENT_RING_ENTRIES),
  results: array(blob(RUN_RESULT.$bytes, 8), EVENT_RING_ENTRIES),
  scratch: array(blob(SCRATCH_BYTES, 16), CONTEXT_LEVELS),
  /** Where bpf_trace_printk formats its text. */
  text: blob(TRACE_TEXT_BYTES, 8),
  /** Tail calls made so far by the run of each context level. */
  tailCalls: array(U32, CONTEXT_LEVELS),
  /** The program in each slot of the thread's table of programs: its id modulo PROGRAM_SLOTS is its slot. */
  programTags: array(U32, PROGRAM_SLOTS),
  /** Keys of array elements that bpf_for_each_map_elem shows to callbacks: one for each frame of each level. */
  elementKeys: array(U64, FRAMES_MAX * CONTEXT_LEVELS),
  /** Lowest address of each context level's stack; frame f of level l starts at stack + (l*8+f)*512. */
  stack: array(blob(FRAME_BYTES, 16), FRAMES_MAX * CONTEXT_LEVELS),
})
export const CPU_AREA_BYTES = alignUp(CPU.$bytes, PAGE_BYTES)
export const CPU_AREAS = alignUp(NULL_GUARD_BYTES + HEADER.$bytes, PAGE_BYTES)

/** Address of CPU `cpu`'s area. The area after the last CPU's is the main thread's: it, too, writes to maps. */
export function cpuArea(cpu: number): number {
  return CPU_AREAS + cpu * CPU_AREA_BYTES
}

export const COMM_BYTES = 16
export const TaskState = { free: 0, claimed: 1, runnable: 2, sleeping: 3, zombie: 4 } as const
/** A simulated task's kernel side. */
export const TASK = layout({
  state: U32,
  pid: U32,
  tgid: U32,
  ppid: U32,
  pgid: U32,
  uid: U32,
  gid: U32,
  cpu: U32,
  /** Signal that ends the task at its next system call, 0 for none. */
  killed: U32,
  exitCode: U32,
  syscalls: U32,
  comm: blob(COMM_BYTES, 8),
  /** The task's window of user memory: what probe_read_user may read while it runs. */
  userBase: U32,
  userBytes: U32,
})
export const TASK_BYTES = 128
/** Each task slot's window of user memory. */
export const TASK_USER_BYTES = 65536

/** trace_pipe: a byte ring of whole records; many producers under a lock, one consumer (the main thread). */
export const TRACE_RING_BYTES = 1 << 20
export const TRACE = layout({
  lock: U32,
  head: line(U32),
  tail: line(U32),
  dropped: U32,
  data: blob(TRACE_RING_BYTES, 64),
})
/** A record with this in `cpu` only fills the ring's end: just `bytes` and `cpu` are valid. */
export const TRACE_PADDING_CPU = 0xffff
/** One line of trace_pipe, before formatting. */
export const TRACE_RECORD = layout({
  bytes: U32,
  cpu: U16,
  flags: U8,
  preempt: U8,
  pid: U32,
  textBytes: U32,
  timeNs: U64,
  comm: blob(COMM_BYTES, 8),
})

/** The control side of a perf ring (perf_event.mmap's kernel side); the data side follows perf_event_mmap_page. */
export const PERF_RING = layout({
  id: U32,
  cpu: U32,
  /** Address of the perf_event_mmap_page, PAGE_BYTES long; the data pages follow it. */
  page: U32,
  dataBytes: U32,
  /** Samples refused in all, and of these the ones reported by a PERF_RECORD_LOST: the difference is pending. */
  lostTotal: U32,
  lostReported: U32,
  /** Samples published up to the position `eventsHead` (low word): one 64-bit store updates both. */
  events: word8(U32),
  eventsHead: U32,
  /** Wake-ups rung. */
  wakeups: U32,
  /** wakeup_events of perf_event_attr, and samples since the last wake-up. */
  wakeupEvents: U32,
  sinceWakeup: U32,
  /** A wake-up is due, too, when the head (low word) is more than `watermarkBytes` past `wakeupAt`. */
  watermarkBytes: U32,
  wakeupAt: U32,
  /** 1 while the event is enabled. */
  enabled: U32,
  sampleType: U32,
  config: U32,
  /** 1 when the consumer has something to read since it last slept: epoll's readiness. The one word both sides write. */
  ready: line(U32),
})

/** Byte offsets in struct perf_event_mmap_page (linux/perf_event.h). */
export const PERF_MMAP_PAGE = {
  version: 0,
  dataHead: 1024,
  dataTail: 1032,
  dataOffset: 1040,
  dataSize: 1048,
} as const

/** struct xdp_md (linux/bpf.h); the packet's bounds are 32-bit addresses. */
export const XDP_MD = layout({
  data: U32,
  dataEnd: U32,
  dataMeta: U32,
  ingressIfindex: U32,
  rxQueueIndex: U32,
  egressIfindex: U32,
})
/** struct __sk_buff (linux/bpf.h), in its order. */
export const SK_BUFF = layout({
  len: U32,
  pktType: U32,
  mark: U32,
  queueMapping: U32,
  protocol: U32,
  vlanPresent: U32,
  vlanTci: U32,
  vlanProto: U32,
  priority: U32,
  ingressIfindex: U32,
  ifindex: U32,
  tcIndex: U32,
  cb: array(U32, 5),
  hash: U32,
  tcClassid: U32,
  data: U32,
  dataEnd: U32,
  napiId: U32,
  family: U32,
  remoteIp4: U32,
  localIp4: U32,
  remoteIp6: array(U32, 4),
  localIp6: array(U32, 4),
  remotePort: U32,
  localPort: U32,
  dataMeta: U32,
  flowKeys: U64,
  tstamp: U64,
  wireLen: U32,
  gsoSegs: U32,
  sk: U64,
  gsoSize: U32,
  tstampType: U8,
  hwtstamp: U64,
})
/** struct bpf_flow_keys (linux/bpf.h); IPv4 addresses take the first word of the room for IPv6. */
export const FLOW_KEYS = layout({
  nhoff: U16,
  thoff: U16,
  addrProto: U16,
  isFrag: U8,
  isFirstFrag: U8,
  isEncap: U8,
  ipProto: U8,
  nProto: U16,
  sport: U16,
  dport: U16,
  source: array(U32, 4),
  destination: array(U32, 4),
  flags: U32,
  flowLabel: U32,
})
/** struct bpf_sk_lookup (linux/bpf.h). */
export const SK_LOOKUP = layout({
  sk: U64,
  family: U32,
  protocol: U32,
  remoteIp4: U32,
  remoteIp6: array(U32, 4),
  remotePort: U16,
  localIp4: U32,
  localIp6: array(U32, 4),
  localPort: U32,
  ingressIfindex: U32,
})
/** struct nf_hook_state of the kernel: what a netfilter program's context points to. */
export const NF_HOOK_STATE = layout({
  hook: U8,
  pf: U8,
  in: U64,
  out: U64,
  sk: U64,
  net: U64,
  okfn: U64,
})
/** The context of netfilter programs: two pointers. */
export const NF_CONTEXT = layout({ state: U64, skb: U64 })

/** Byte offsets in struct perf_event_header and what follows it in a raw sample and in a LOST record. */
export const PERF_SAMPLE = { type: 0, misc: 4, size: 6, rawBytes: 8, raw: 12 } as const
export const PERF_LOST = { id: 8, lost: 16 } as const

export interface Regions {
  tasks: number
  trace: number
  heap: number
  heapEnd: number
  user: number
  userEnd: number
}

/** Where each region lies in a memory of `memoryBytes` with `cpus` possible CPUs. */
export function regions(memoryBytes: number, cpus: number): Regions {
  const tasks = cpuArea(cpus + 1)
  const trace = alignUp(tasks + TASKS_MAX * TASK_BYTES, PAGE_BYTES)
  const heap = alignUp(trace + TRACE.$bytes, PAGE_BYTES)
  // Small memories get a user range of a quarter at most, so that the heap stays the larger part.
  const userBytes = Math.min(TASKS_MAX * TASK_USER_BYTES, alignUp(Math.floor(memoryBytes / 4), TASK_USER_BYTES))
  const user = memoryBytes - userBytes
  return { tasks, trace, heap, heapEnd: user, user, userEnd: memoryBytes }
}

function assertLayout(): void {
  const fits: [string, boolean][] = [
    ['header before the CPU areas', NULL_GUARD_BYTES + HEADER.$bytes <= CPU_AREAS],
    ['task in its slot', TASK.$bytes <= TASK_BYTES],
    ['map header in its slot', MAP.$bytes <= MAP_BYTES],
    ['scratch aligned', SCRATCH_BYTES % 16 === 0],
    [
      'the smallest memory has a heap',
      regions(MEMORY_MIN_BYTES, CPUS_MAX).heap < regions(MEMORY_MIN_BYTES, CPUS_MAX).heapEnd,
    ],
  ]
  for (const [what, holds] of fits) if (!holds) throw new Error(`shared/layout.ts: ${what} does not hold`)
}
assertLayout()
