/** perf_buffer__*: one ring for each CPU behind a BPF_MAP_TYPE_PERF_EVENT_ARRAY, read through callbacks. */
import { PAGE_BYTES } from '../../shared/layout.js'
import { EBADF, EINVAL, ENOENT } from '../../shared/uapi/errno.js'
import { PERF_COUNT_SW_BPF_OUTPUT, PERF_SAMPLE_RAW, PERF_TYPE_SOFTWARE } from '../../shared/uapi/perf_event.js'
import { currentKernel } from '../syscall/current.js'
import type { perf_event_attr } from '../syscall/perf_event.js'
import { errstr, intResult, nullResult, zeroResult } from './errno.js'
import { type CpuBuffer, closeBuffers, openBuffers } from './perf_buffer_open.js'
import { perf_buffer } from './perf_buffer_struct.js'
import { warn } from './print.js'
import { type Out, store } from './utils.js'

/** Gets each sample: `data` is a view of the ring, `size` bytes, padding included; valid only during the call. */
export type perf_buffer_sample_fn<T = unknown> = (ctx: T, cpu: number, data: Uint8Array, size: number) => void
/** Gets the number of samples lost since the last such call, each time a PERF_RECORD_LOST is read. */
export type perf_buffer_lost_fn<T = unknown> = (ctx: T, cpu: number, cnt: bigint) => void
/**
 * Gets each whole record, struct perf_event_header first; valid only during the call. Returns LIBBPF_PERF_EVENT_CONT to
 * go on; anything else ends the reading of this buffer after this record.
 */
export type perf_buffer_event_fn<T = unknown> = (ctx: T, cpu: number, event: Uint8Array) => number

export const LIBBPF_PERF_EVENT_DONE = 0
export const LIBBPF_PERF_EVENT_ERROR = -1
export const LIBBPF_PERF_EVENT_CONT = -2

export interface perf_buffer_opts {
  /** Samples per wake-up of a poll; default 1. */
  sample_period?: number
}

export interface perf_buffer_raw_opts {
  /** With more than 0: the CPUs to open rings on, and the map's keys to put them under, one of each per ring. */
  cpu_cnt?: number
  cpus?: readonly number[] | Int32Array
  map_keys?: readonly number[] | Int32Array
}

function create(
  map_fd: number,
  page_cnt: number,
  attr: perf_event_attr,
  raw: perf_buffer_raw_opts,
): perf_buffer | number {
  const opened = openBuffers(currentKernel(), map_fd, page_cnt, attr, raw)
  if (typeof opened === 'number') return opened
  return new perf_buffer(opened, (page_cnt + 1) * PAGE_BYTES)
}

/**
 * Opens a ring of `page_cnt` pages (a power of two, or EINVAL) for each online CPU, at most one for each entry of the
 * map, and puts them into the map. null: EINVAL, EBADF, ENOMEM, with a message.
 */
export function perf_buffer__new<T = unknown>(
  map_fd: number,
  page_cnt: number,
  sample_cb: perf_buffer_sample_fn<T> | null,
  lost_cb: perf_buffer_lost_fn<T> | null = null,
  ctx: T | null = null,
  opts: perf_buffer_opts | null = null,
): perf_buffer | null {
  const period = opts?.sample_period || 1
  const attr: perf_event_attr = {
    type: PERF_TYPE_SOFTWARE,
    config: PERF_COUNT_SW_BPF_OUTPUT,
    sample_type: PERF_SAMPLE_RAW,
    sample_period: period,
    wakeup_events: period,
  }
  const pb = create(map_fd, page_cnt, attr, {})
  if (typeof pb === 'number') return nullResult(pb)
  for (const buffer of pb.buffers) {
    const { cpu } = buffer
    const onSample = (data: Uint8Array): void => sample_cb?.(ctx as T, cpu, data, data.length)
    const onLost = (count: number): void => lost_cb?.(ctx as T, cpu, BigInt(count))
    buffer.process = () => {
      buffer.reader.read(onSample, onLost)
      return 0
    }
  }
  return pb
}

/** perf_buffer__new with the caller's attributes and whole records. null: EINVAL, EBADF, ENOMEM, EOPNOTSUPP. */
export function perf_buffer__new_raw<T = unknown>(
  map_fd: number,
  page_cnt: number,
  attr: perf_event_attr,
  event_cb: perf_buffer_event_fn<T>,
  ctx: T | null = null,
  opts: perf_buffer_raw_opts | null = null,
): perf_buffer | null {
  if (!attr) return nullResult(EINVAL)
  const pb = create(map_fd, page_cnt, attr, opts ?? {})
  if (typeof pb === 'number') return nullResult(pb)
  for (const buffer of pb.buffers) {
    let result = LIBBPF_PERF_EVENT_CONT
    const onRecord = (record: Uint8Array): number => {
      result = event_cb(ctx as T, buffer.cpu, record)
      return result === LIBBPF_PERF_EVENT_CONT ? 0 : 1
    }
    buffer.process = () => {
      result = LIBBPF_PERF_EVENT_CONT
      buffer.reader.readRecords(onRecord)
      return result === LIBBPF_PERF_EVENT_CONT ? 0 : result
    }
  }
  return pb
}

/** Takes the rings out of the map, gives them back and closes their descriptors. Null is allowed. */
export function perf_buffer__free(pb: perf_buffer | null): void {
  if (!(pb instanceof perf_buffer) || pb.freed) return
  pb.freed = true
  closeBuffers(pb.set)
}

/** The epoll descriptor that becomes ready with any of the rings. */
export function perf_buffer__epoll_fd(pb: perf_buffer | null): number {
  return pb instanceof perf_buffer ? pb.set.epollFd : intResult(-EINVAL)
}

function processReady(pb: perf_buffer, count: number): number {
  for (const index of pb.ready) {
    const error = pb.buffers[index].process()
    if (error) {
      warn(`error while processing records: ${errstr(error)}`)
      return error
    }
  }
  return count
}

/**
 * Waits until a ring wakes its reader, at most `timeout_ms` (-1: for ever, 0: not at all), and hands what the woken
 * rings hold to the callbacks. The number of woken rings (0: none in time), or a negative errno: -EINTR after a signal
 * whose listener has run, -EIO when the machine died, or what a raw callback returned.
 */
export function perf_buffer__poll(pb: perf_buffer | null, timeout_ms: number): number {
  if (!usable(pb)) return intResult(-EBADF)
  const count = pb.set.epoll.wait(pb.ready, pb.buffers.length, timeout_ms)
  return intResult(count <= 0 ? count : processReady(pb, count))
}

/** perf_buffer__poll that leaves the event loop free; the process stays alive while it is pending. */
export async function perf_buffer__poll_async(pb: perf_buffer | null, timeout_ms: number): Promise<number> {
  if (!usable(pb)) return intResult(-EBADF)
  const ready: number[] = []
  const count = await pb.set.epoll.waitAsync(ready, pb.buffers.length, timeout_ms)
  if (!usable(pb)) return intResult(-EBADF)
  pb.ready.splice(0, pb.ready.length, ...ready)
  return intResult(count <= 0 ? count : processReady(pb, count))
}

function usable(pb: perf_buffer | null): pb is perf_buffer {
  return pb instanceof perf_buffer && !pb.freed && !pb.set.kernel.closed
}

/** Hands what all rings hold to the callbacks, without waiting: 0 or what a raw callback returned. */
export function perf_buffer__consume(pb: perf_buffer | null): number {
  if (!usable(pb)) return intResult(-EBADF)
  for (let index = 0; index < pb.buffers.length; index++) {
    const error = pb.buffers[index].process()
    if (error) {
      warn(`failed to process records in buffer #${index}: ${errstr(error)}`)
      return intResult(error)
    }
  }
  return 0
}

function bufferAt(pb: perf_buffer | null, index: number): CpuBuffer | number {
  if (!usable(pb)) return -EBADF
  if (!Number.isInteger(index) || index < 0 || index >= pb.buffers.length) return -EINVAL
  return pb.buffers[index] ?? -ENOENT
}

/** perf_buffer__consume of one ring: -EINVAL for an index out of range. */
export function perf_buffer__consume_buffer(pb: perf_buffer | null, buf_idx: number): number {
  const buffer = bufferAt(pb, buf_idx)
  return intResult(typeof buffer === 'number' ? buffer : buffer.process())
}

/** Rings open. */
export function perf_buffer__buffer_cnt(pb: perf_buffer | null): number {
  return pb instanceof perf_buffer ? pb.buffers.length : zeroResult(EINVAL)
}

/** Descriptor of a ring's perf event: -EINVAL for an index out of range. */
export function perf_buffer__buffer_fd(pb: perf_buffer | null, buf_idx: number): number {
  const buffer = bufferAt(pb, buf_idx)
  return intResult(typeof buffer === 'number' ? buffer : buffer.fd)
}

/**
 * The mapped memory of a ring into buf[0]: struct perf_event_mmap_page, then the data pages; live, until
 * perf_buffer__free. 0, or -EINVAL for an index out of range. `buf_size`, if given, gets its bytes.
 */
export function perf_buffer__buffer(
  pb: perf_buffer | null,
  buf_idx: number,
  buf: (Uint8Array | null)[],
  buf_size: Out | null = null,
): number {
  if (!usable(pb)) return intResult(-EBADF)
  const buffer = bufferAt(pb, buf_idx)
  if (typeof buffer === 'number') return intResult(buffer)
  const { page } = buffer.event
  store<Uint8Array | null>(buf, pb.set.kernel.machine.views.u8.subarray(page, page + pb.mmapBytes))
  store(buf_size, pb.mmapBytes)
  return 0
}
