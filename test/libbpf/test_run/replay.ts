/** Runs test run cases here, and says where the answers differ from the kernel's. */
import {
  BPF_F_TEST_XDP_LIVE_FRAMES,
  BPF_PROG_TYPE_XDP,
  bpf_prog_load,
  bpf_prog_test_run_opts,
  type bpf_test_run_opts,
} from '#lib/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import type { TestRunCase } from './cases.js'
import type { TestRunAnswer } from './kernel.js'

const fromHex = (hex: string | undefined) => (hex === undefined ? null : new Uint8Array(Buffer.from(hex, 'hex')))
const toHex = (bytes: Uint8Array | null) => (bytes?.length ? Buffer.from(bytes).toString('hex') : undefined)
const room = (bytes: number | undefined) => (bytes === undefined ? null : new Uint8Array(bytes))

/** Loads each program once. */
export class Replay {
  readonly #loaded = new Map<string, number>()

  #load({ type, insns, attach = 0, load_flags = 0 }: TestRunCase): number {
    const key = `${type}:${attach}:${load_flags}:${insns}`
    let fd = this.#loaded.get(key)
    if (fd === undefined) {
      const opts = { expected_attach_type: attach, prog_flags: load_flags }
      fd = bpf_prog_load(type, null, 'GPL', fromHex(insns) as Uint8Array, opts)
      this.#loaded.set(key, fd)
    }
    return fd
  }

  answer(one: TestRunCase): TestRunAnswer {
    const fd = this.#load(one)
    if (fd < 0) return { load: fd }
    const { data_in, data_out, ctx_in, ctx_out, ...numbers } = one.opts
    const buffers = {
      data_in: fromHex(data_in),
      data_out: room(data_out),
      ctx_in: fromHex(ctx_in),
      ctx_out: room(ctx_out),
    }
    const opts: bpf_test_run_opts = { ...numbers, ...buffers }
    const error = bpf_prog_test_run_opts(fd, opts)
    const after = toHex(buffers.ctx_in)
    return {
      error,
      retval: opts.retval,
      data_size_out: opts.data_size_out,
      ctx_size_out: opts.ctx_size_out,
      ...(data_out && { data_out: toHex(buffers.data_out) }),
      ...(ctx_out && { ctx_out: toHex(buffers.ctx_out) }),
      ...(after !== (ctx_in || undefined) && { ctx_in: after }),
    }
  }

  close(): void {
    for (const fd of this.#loaded.values()) if (fd >= 0) currentKernel().close(fd)
  }
}

/** What we answer where Linux would send frames through a device. */
const LIVE_FRAMES = -95

/** Null when the answers are the same, else what differs. */
export function differs(one: TestRunCase, ours: TestRunAnswer, theirs: TestRunAnswer): string | null {
  const live =
    one.type === BPF_PROG_TYPE_XDP && ((one.opts.flags ?? 0) & BPF_F_TEST_XDP_LIVE_FRAMES) !== 0 && theirs.error === 0
  if (live) return ours.error === LIVE_FRAMES ? null : `live frames: ${ours.error}`
  const names = new Set([...Object.keys(ours), ...Object.keys(theirs)]) as Set<keyof TestRunAnswer>
  const wrong = [...names].filter((name) => ours[name] !== theirs[name])
  if (wrong.length === 0) return null
  const brief = (value: unknown) => String(value).slice(0, 400)
  const what = wrong.map((name) => `${name} ${brief(ours[name])} expected ${brief(theirs[name])}`).join('; ')
  return `${JSON.stringify(one).slice(0, 600)}: ${what}`
}
