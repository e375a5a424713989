/** Opening and closing the rings of a perf buffer: the system calls that libbpf makes, in its order. */
import { PerfReader } from '../../shared/rings/consumer.js'
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '../../shared/uapi/bpf.js'
import { EINVAL } from '../../shared/uapi/errno.js'
import { createEpoll, type EpollFile } from '../syscall/epoll.js'
import type { Kernel } from '../syscall/kernel.js'
import { deleteElement, mapFile, updateElement } from '../syscall/map_elements.js'
import { openPerfEvent, type PerfEventFile, type perf_event_attr } from '../syscall/perf_event.js'
import { errstr } from './errno.js'
import type { perf_buffer_raw_opts } from './perf_buffer.js'
import { warn } from './print.js'

/** One CPU's ring. */
export interface CpuBuffer {
  readonly cpu: number
  readonly mapKey: number
  readonly fd: number
  readonly event: PerfEventFile
  readonly reader: PerfReader
  /** Hands what the ring holds to the callbacks: 0, or what a raw callback stopped with. */
  process: () => number
}

export interface BufferSet {
  readonly kernel: Kernel
  readonly mapFd: number
  readonly epollFd: number
  readonly epoll: EpollFile
  readonly buffers: CpuBuffer[]
}

const keyBytes = new Uint32Array(1)
const valueBytes = new Int32Array(1)
const key = new Uint8Array(keyBytes.buffer)
const value = new Uint8Array(valueBytes.buffer)

function openOne(
  kernel: Kernel,
  cpu: number,
  mapKey: number,
  pages: number,
  attr: perf_event_attr,
): CpuBuffer | number {
  const fd = openPerfEvent(kernel, attr, -1, cpu)
  if (fd < 0) {
    warn(`failed to open perf buffer event on cpu #${cpu}: ${errstr(fd)}`)
    return fd
  }
  const event = kernel.files.get(fd) as PerfEventFile
  const error = event.map(pages)
  if (error < 0) {
    warn(`failed to mmap perf buffer on cpu #${cpu}: ${errstr(error)}`)
    kernel.close(fd)
    return error
  }
  event.enable(true)
  const reader = new PerfReader(kernel.machine.views, event.ring)
  return { cpu, mapKey, fd, event, reader, process: () => 0 }
}

/** The type and size of the map, as far as a perf buffer needs them; a negative errno for what does not fit. */
function checkMap(kernel: Kernel, mapFd: number): number {
  const file = mapFile(kernel, mapFd, 'none')
  if (typeof file === 'number') {
    warn(`failed to get map info for map FD ${mapFd}: ${errstr(file)}`)
    return file
  }
  if (file.map.attr.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY) return file.map.attr.maxEntries
  warn(`map '${file.map.name}' should be BPF_MAP_TYPE_PERF_EVENT_ARRAY`)
  return -EINVAL
}

/** [cpu, key] of each ring to open. */
function places(kernel: Kernel, entries: number, raw: perf_buffer_raw_opts): [number, number][] {
  const { machine } = kernel
  if (raw.cpu_cnt && raw.cpu_cnt > 0) {
    return Array.from({ length: raw.cpu_cnt }, (_, i) => [raw.cpus?.[i] ?? 0, raw.map_keys?.[i] ?? 0])
  }
  const all: [number, number][] = []
  for (let cpu = 0; cpu < Math.min(machine.cpusPossible, entries); cpu++) {
    if (machine.cpuOnline(cpu)) all.push([cpu, cpu])
  }
  return all
}

/** Puts the event's descriptor into the map and the epoll set. */
function register(set: BufferSet, buffer: CpuBuffer): number {
  keyBytes[0] = buffer.mapKey
  valueBytes[0] = buffer.fd
  const error = updateElement(set.kernel, set.mapFd, key, value, 0)
  if (error < 0) {
    warn(`failed to set cpu #${buffer.cpu}, key ${buffer.mapKey} -> perf FD ${buffer.fd}: ${errstr(error)}`)
    return error
  }
  return set.epoll.add(buffer.fd, set.buffers.indexOf(buffer))
}

/** Opens all rings; a negative errno, with everything closed again, when one cannot be. */
export function openBuffers(
  kernel: Kernel,
  mapFd: number,
  pages: number,
  attr: perf_event_attr,
  raw: perf_buffer_raw_opts,
): BufferSet | number {
  if (!Number.isInteger(pages) || pages <= 0 || (pages & (pages - 1)) !== 0) {
    warn(`page count should be power of two, but is ${pages}`)
    return -EINVAL
  }
  const entries = checkMap(kernel, mapFd)
  if (entries < 0) return entries
  const epollFd = createEpoll(kernel)
  if (epollFd < 0) return epollFd
  const set: BufferSet = { kernel, mapFd, epollFd, epoll: kernel.files.get(epollFd) as EpollFile, buffers: [] }
  for (const [cpu, mapKey] of places(kernel, entries, raw)) {
    const buffer = openOne(kernel, cpu, mapKey, pages, attr)
    if (typeof buffer !== 'number') set.buffers.push(buffer)
    const error = typeof buffer === 'number' ? buffer : register(set, buffer)
    if (error < 0) {
      closeBuffers(set)
      return error
    }
  }
  return set
}

/** Takes the rings out of the map and closes everything. */
export function closeBuffers(set: BufferSet): void {
  const { kernel } = set
  if (kernel.closed) return
  for (const buffer of set.buffers) {
    keyBytes[0] = buffer.mapKey
    deleteElement(kernel, set.mapFd, key)
    buffer.event.unmap()
    buffer.event.enable(false)
    kernel.close(buffer.fd)
  }
  kernel.close(set.epollFd)
}
