/**
 * perf/SIZE/WAKEUP: how many events a second pass from a BPF program to the consumer's callback.
 *
 * The same program bytes run on both sides, once an event: fill SIZE bytes of stack, bpf_perf_event_output them to the
 * current CPU's ring. Producer and consumer are two threads that run at once for the whole round. What counts is the
 * number of events that the consumer received, per second in which the producer ran; an event refused because the
 * ring was full is paid for and not counted. The kernel is fired by BPF_PROG_TEST_RUN with a repeat count and its time
 * is the one it reports itself, without the call's set-up; ours is fired by a run event with a repeat count and pays
 * wall time from the request until all is read. Each side takes the ring size that does best here, of the same
 * choice, tried beforehand. Our consumer always blocks; the kernel's side also takes whichever program type and kind of
 * consumer, sleeping or spinning, does best, except that a wakeup1 consumer must sleep. raw_tracepoint is left out: its BPF_PROG_TEST_RUN takes no repeat count, and one
 * system call an event makes it three times slower than the others.
 */
import { op, program } from './assemble.js'
import { alternate } from './measure.js'
import { type Available, type PeerRequest, runPeer } from './peer.js'
import { PerfSide } from './perf_side.js'
import type { Bench, BenchContext, Outcome } from './row.js'

/** Ring sizes that either side may choose from; 8 pages is what the usual C program asks for. */
const RING_PAGES = [8, 64, 512]
const PROG_TYPE_SCHED_CLS = 3
const PROG_TYPE_XDP = 6
const MAP_TYPE_PERF_EVENT_ARRAY = 4
const HELPER_PERF_EVENT_OUTPUT = 25
const PACKET_BYTES = 64
/** Runs a call: 30 ms of the kernel's time at wakeup 500, 150 ms at wakeup 1. */
const kernelRepeat = (wakeup: number): number => (wakeup === 1 ? 20_000 : 100_000)
const PROBE_SECONDS = 0.25

/** What bench/peers/perf_peer.c prints. */
interface PerfPeerAnswer {
  produced: number
  received: number
  lost: number
  wakeups: number
  seconds: number
  events_per_second: number
  checksum: number
}

/** Each payload is this word, again and again, so that its first byte proves a sample. */
const COOKIE = 0x12345678

/** Fill `sizeBytes` of stack, send them to map 0's ring of this CPU, return 0. */
export function perfProgram(sizeBytes: number): Uint8Array {
  const stores: Uint8Array[] = []
  for (let offset = -sizeBytes; offset < 0; offset += 8) stores.push(op.storeImm64(10, offset, COOKIE))
  return program(
    ...stores,
    op.loadMap(2, 0),
    op.loadImm64(3, 0xffffffff), // BPF_F_CURRENT_CPU
    op.movReg(4, 10),
    op.addImm(4, -sizeBytes),
    op.movImm(5, sizeBytes),
    op.call(HELPER_PERF_EVENT_OUTPUT),
    op.movImm(0, 0),
    op.exit(),
  )
}

interface KernelSetting {
  type: number
  pages: number
  spin: boolean
}

function describe({ type, pages, spin }: KernelSetting): string {
  return `${type === PROG_TYPE_XDP ? 'xdp' : 'sched_cls'}, ${pages} pages, ${spin ? 'spinning' : 'epoll'}`
}

function kernelRequest(sizeBytes: number, wakeup: number, setting: KernelSetting, seconds: number): PeerRequest {
  return {
    type: setting.type,
    insns: perfProgram(sizeBytes),
    maps: [{ type: MAP_TYPE_PERF_EVENT_ARRAY, keyBytes: 4, valueBytes: 4, maxEntries: 64 }],
    data: new Uint8Array(PACKET_BYTES),
    numbers: {
      pages: setting.pages,
      wakeup,
      seconds,
      repeat: kernelRepeat(wakeup),
      producer: 0,
      consumer: 1,
      spin: setting.spin ? 1 : 0,
    },
  }
}

function kernelSettings(wakeup: number): KernelSetting[] {
  const settings: KernelSetting[] = []
  for (const type of [PROG_TYPE_SCHED_CLS, PROG_TYPE_XDP])
    for (const pages of RING_PAGES)
      for (const spin of wakeup === 1 ? [false] : [false, true]) settings.push({ type, pages, spin })
  return settings
}

/** Tries every setting for a moment. @returns the best, or why the kernel has no figure here */
async function bestSetting(sizeBytes: number, wakeup: number, notes: string[]): Promise<Available<KernelSetting>> {
  let best: KernelSetting | undefined
  let bestRate = 0
  let reason = 'no setting works'
  for (const setting of kernelSettings(wakeup)) {
    const answer = await runPeer<PerfPeerAnswer>('perf_peer', kernelRequest(sizeBytes, wakeup, setting, PROBE_SECONDS))
    if ('reason' in answer) {
      reason = answer.reason
      continue
    }
    const { events_per_second: rate, lost, produced } = answer.value
    notes.push(`kernel, ${describe(setting)}: ${Math.round(rate / 1e3)} k/s, lost ${percent(lost, produced)}`)
    if (rate > bestRate) {
      best = setting
      bestRate = rate
    }
  }
  return best ? { value: best } : { reason }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${((100 * part) / whole).toFixed(1)} %`
}

/** Opens our side with the ring size that does best, of the sizes that the kernel may choose from too. */
function bestSide(sizeBytes: number, wakeup: number, notes: string[]): PerfSide {
  let bestPages = 0
  let bestRate = -1
  for (const pages of RING_PAGES) {
    const side = new PerfSide(perfProgram(sizeBytes), wakeup, pages)
    try {
      side.round(PROBE_SECONDS)
      const rate = side.round(PROBE_SECONDS)
      notes.push(`ours, ${side.note()}: ${Math.round(rate / 1e3)} k/s`)
      if (rate > bestRate) {
        bestPages = pages
        bestRate = rate
      }
    } finally {
      side.close()
    }
  }
  return new PerfSide(perfProgram(sizeBytes), wakeup, bestPages)
}

async function measurePerf(sizeBytes: number, wakeup: number, context: BenchContext): Promise<Outcome> {
  const notes: string[] = []
  const kernel = await bestSetting(sizeBytes, wakeup, notes)
  notes.push(
    'reason' in kernel ? `kernel column empty: ${kernel.reason}` : `kernel measured with ${describe(kernel.value)}`,
  )
  const ours = bestSide(sizeBytes, wakeup, notes)
  const seconds = context.seconds / context.rounds
  try {
    const outcome = await alternate(
      {
        ours: () => ours.round(seconds),
        kernel: 'reason' in kernel ? null : () => kernelRound(sizeBytes, wakeup, kernel.value, seconds),
      },
      context.rounds,
    )
    notes.push(`ours measured with ${ours.note()}`)
    return { ...outcome, notes }
  } finally {
    ours.close()
  }
}

async function kernelRound(
  sizeBytes: number,
  wakeup: number,
  setting: KernelSetting,
  seconds: number,
): Promise<number | null> {
  const answer = await runPeer<PerfPeerAnswer>('perf_peer', kernelRequest(sizeBytes, wakeup, setting, seconds))
  return 'reason' in answer ? null : answer.value.events_per_second
}

function perfBench(sizeBytes: number, wakeup: number): Bench {
  return {
    name: `perf/${sizeBytes}B/wakeup${wakeup}`,
    unit: 'events/s',
    better: 'higher',
    measure: (context) => measurePerf(sizeBytes, wakeup, context),
  }
}

export const perfBenches: Bench[] = [perfBench(8, 500), perfBench(8, 1), perfBench(64, 500), perfBench(512, 500)]
