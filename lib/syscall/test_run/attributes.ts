/** What BPF_PROG_TEST_RUN is given and gives back, as union bpf_attr has it. */
import { EINVAL } from '../../../shared/uapi/errno.js'

/**
 * The fields of struct bpf_test_run_opts; buffers know their sizes. A buffer of no bytes is a pointer that is not NULL
 * with size 0; null is NULL.
 */
export interface bpf_test_run_opts {
  data_in?: ArrayBufferView | null
  data_out?: ArrayBufferView | null
  ctx_in?: ArrayBufferView | null
  ctx_out?: ArrayBufferView | null
  repeat?: number
  flags?: number
  cpu?: number
  batch_size?: number
  /** Out: bytes of the packet, and of the context, after the run; more than the buffers hold with -ENOSPC. */
  data_size_out?: number
  ctx_size_out?: number
  /** Out: r0's low word. */
  retval?: number
  /** Out: mean ns of a repetition. In: must be 0 for types that do not measure (raw tracepoints, syscall). */
  duration?: number
}

/** Any view's bytes; what is none is NULL. */
function bytesOf(view: unknown): Uint8Array | null {
  if (!ArrayBuffer.isView(view)) return null
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
}

/** One call's inputs, every field present, and its outputs. */
export class Attributes {
  readonly dataIn: Uint8Array | null
  readonly dataOut: Uint8Array | null
  readonly contextIn: Uint8Array | null
  readonly contextOut: Uint8Array | null
  readonly repeat: number
  readonly flags: number
  readonly cpu: number
  readonly batchSize: number
  dataSizeOut: number
  contextSizeOut: number
  retval = 0
  duration: number

  constructor(opts: bpf_test_run_opts) {
    this.dataIn = bytesOf(opts.data_in)
    this.dataOut = bytesOf(opts.data_out)
    this.contextIn = bytesOf(opts.ctx_in)
    this.contextOut = bytesOf(opts.ctx_out)
    this.repeat = Number(opts.repeat ?? 0) >>> 0
    this.flags = Number(opts.flags ?? 0) >>> 0
    this.cpu = Number(opts.cpu ?? 0) >>> 0
    this.batchSize = Number(opts.batch_size ?? 0) >>> 0
    this.duration = Number(opts.duration ?? 0) >>> 0
    this.dataSizeOut = this.dataOut?.length ?? 0
    this.contextSizeOut = this.contextOut?.length ?? 0
  }

  get dataBytes(): number {
    return this.dataIn?.length ?? 0
  }

  get contextBytes(): number {
    return this.contextIn?.length ?? 0
  }

  /** What is checked before the program is looked at: a context has a size, and a size a context. */
  check(): number {
    return this.contextIn?.length === 0 || this.contextOut?.length === 0 ? -EINVAL : 0
  }

  /** True when something is asked for that only raw tracepoints and live frames have. */
  get special(): boolean {
    return this.flags !== 0 || this.cpu !== 0 || this.batchSize !== 0
  }

  /** Hands the outputs to the caller: after a failure, too, as libbpf does. */
  writeTo(opts: bpf_test_run_opts): void {
    opts.data_size_out = this.dataSizeOut
    opts.ctx_size_out = this.contextSizeOut
    opts.retval = this.retval
    opts.duration = this.duration
  }
}
