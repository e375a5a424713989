/** perf_event_open(2): BPF output rings, and the events that kprobes and tracepoints are. */
import { PAGE_BYTES, PERF_RING } from '../../shared/layout.js'
import { initialisePerfRing, mapPerfRing, takePerfReady } from '../../shared/rings/perf_ring.js'
import { EBADF, EINVAL, ENODEV, ENOENT, ENOMEM, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { PERF_COUNT_SW_BPF_OUTPUT, PERF_SAMPLE_RAW, PERF_TYPE_SOFTWARE } from '../../shared/uapi/perf_event.js'
import { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'

/** The fields of struct perf_event_attr in use here, by the header's names; absent means 0. */
export interface perf_event_attr {
  type?: number
  config?: number | bigint
  sample_period?: number | bigint
  sample_type?: number | bigint
  wakeup_events?: number
  wakeup_watermark?: number
  /** Opens the event disabled. */
  disabled?: number | boolean
  /** 1: wakeup_watermark counts bytes instead of events. */
  watermark?: number | boolean
  write_backward?: number | boolean
  bp_type?: number
}

/** Where programs attach through a perf event: a name the simulated kernel's hooks have. */
export interface ProbePoint {
  /** Hook name, e.g. "kprobe:__x64_sys_write". */
  readonly hook: string
}

const RING_ALIGN = 64

/** A perf event's file: a BPF output ring, or a probe. */
export class PerfEventFile extends OpenFile {
  readonly kind = 'perf_event'
  readonly id: number
  /** Address of the PERF_RING; 0 for probes. */
  readonly ring: number
  #page = 0
  #mappings = 0

  constructor(
    readonly kernel: Kernel,
    readonly attr: perf_event_attr,
    readonly cpu: number,
    ring: number,
    readonly probe: ProbePoint | undefined,
  ) {
    super()
    this.ring = ring
    this.id = kernel.perfEvents.allocate(this)
    if (ring === 0) return
    initialisePerfRing(kernel.machine.views, ring, {
      id: this.id,
      cpu,
      config: Number(attr.config ?? 0),
      sampleType: Number(attr.sample_type ?? 0),
      wakeupEvents: attr.wakeup_events ?? 0,
      enabled: !attr.disabled,
    })
  }

  /** PERF_EVENT_IOC_ENABLE and PERF_EVENT_IOC_DISABLE. */
  enable(on: boolean): void {
    if (this.ring !== 0) Atomics.store(this.kernel.machine.views.u32, (this.ring + PERF_RING.enabled) >>> 2, on ? 1 : 0)
  }

  /** Address of the mapped perf_event_mmap_page; 0 while nothing is mapped. */
  get page(): number {
    return this.#page
  }

  /**
   * mmap(2) of the ring: a control page and `dataPages` pages, a power of two. 0, -EINVAL for another size than what is
   * mapped already or for an event without a ring, -ENOMEM.
   */
  map(dataPages: number): number {
    const { machine } = this.kernel
    if (this.ring === 0 || dataPages < 1 || (dataPages & (dataPages - 1)) !== 0) return -EINVAL
    const dataBytes = dataPages * PAGE_BYTES
    const sizeWord = (this.ring + PERF_RING.dataBytes) >>> 2
    if (this.#page !== 0) {
      if (machine.views.u32[sizeWord] !== dataBytes) return -EINVAL
      this.#mappings++
      this.get()
      return 0
    }
    const page =
      dataBytes < machine.views.u8.length ? machine.allocator.allocate(PAGE_BYTES + dataBytes, PAGE_BYTES) : 0
    if (page === 0) return -ENOMEM
    mapPerfRing(machine.views, this.ring, page, dataBytes)
    this.#page = page
    this.#mappings = 1
    this.get()
    return 0
  }

  /** munmap(2): the last one gives the ring's pages back after a grace period. */
  unmap(): void {
    if (this.#mappings === 0) return
    if (--this.#mappings > 0) {
      this.put()
      return
    }
    const { machine } = this.kernel
    const page = this.#page
    this.#page = 0
    Atomics.store(machine.views.u32, (this.ring + PERF_RING.page) >>> 2, 0)
    this.kernel.retire(() => {
      machine.views.u32[(this.ring + PERF_RING.dataBytes) >>> 2] = 0
      machine.allocator.free(page)
      this.put()
    })
  }

  /** perf's poll: readable once after each wake-up, not as long as there is data. */
  override takeReady(): boolean {
    if (this.ring === 0) return false
    return takePerfReady(this.kernel.machine.views, this.ring)
  }

  protected released(): void {
    this.kernel.perfEvents.free(this.id)
    if (this.ring !== 0) this.kernel.retire(() => this.kernel.machine.allocator.free(this.ring))
  }
}

/** perf_event_open(2) for PERF_COUNT_SW_BPF_OUTPUT on one CPU: a descriptor or a negative errno. */
export function openPerfEvent(kernel: Kernel, attr: perf_event_attr, pid: number, cpu: number): number {
  const { machine } = kernel
  if (attr.type !== PERF_TYPE_SOFTWARE || Number(attr.config) !== PERF_COUNT_SW_BPF_OUTPUT) return -ENOENT
  if (attr.write_backward || attr.watermark) return -EOPNOTSUPP
  if (pid === -1 && cpu === -1) return -EINVAL
  if (pid !== -1) return -EOPNOTSUPP
  if (!Number.isInteger(cpu) || cpu < 0 || cpu >= machine.cpusPossible) return -EINVAL
  if (!machine.cpuOnline(cpu)) return -ENODEV
  if (!(Number(attr.sample_type) & PERF_SAMPLE_RAW)) return -EOPNOTSUPP
  const ring = machine.allocator.allocate(PERF_RING.$bytes, RING_ALIGN)
  if (ring === 0) return -ENOMEM
  return kernel.files.install(new PerfEventFile(kernel, attr, cpu, ring, undefined))
}

/** The event that perf_event_open gives for a kprobe or tracepoint whose existence the caller has checked. */
export function openProbeEvent(kernel: Kernel, probe: ProbePoint): number {
  return kernel.files.install(new PerfEventFile(kernel, {}, -1, 0, probe))
}

/** The perf event behind `fd`: -EBADF, or -EINVAL when it is something else. */
export function perfEventFile(kernel: Kernel, fd: number): PerfEventFile | number {
  const file = kernel.files.get(fd)
  if (file === undefined) return -EBADF
  return file instanceof PerfEventFile ? file : -EINVAL
}
