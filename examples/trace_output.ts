/**
 * Counts events that a kprobe on write(2) sends through a perf buffer while dd writes as fast as it can: the calls,
 * and their order, of the usual first C program over libbpf.
 */
import { fileURLToPath } from 'node:url'
import {
  type bpf_link,
  bpf_link__destroy,
  bpf_object__close,
  bpf_object__find_map_fd_by_name,
  bpf_object__find_program_by_name,
  bpf_object__load,
  bpf_object__open_file,
  bpf_program__attach,
  libbpf_get_error,
  type perf_buffer,
  perf_buffer__free,
  perf_buffer__new,
  perf_buffer__poll,
} from 'smpbpf'
import { spawn } from 'smpbpf/machine'

const EVENTS_WANTED = 100_000
const COOKIE = 0x12345678

function fail(what: string): number {
  console.error(`ERROR: ${what}`)
  return 1
}

/** Runs the program in `file` until EVENTS_WANTED events have arrived; `report` sees the perf buffer before it goes. */
export function trace_output(file: string, report?: (pb: perf_buffer) => void): number {
  const obj = bpf_object__open_file(file, null)
  if (obj === null || libbpf_get_error(obj)) return fail(`opening ${file} failed`)
  let link: bpf_link | null = null
  try {
    if (bpf_object__load(obj)) return fail('loading the object failed')

    const map_fd = bpf_object__find_map_fd_by_name(obj, 'my_map')
    if (map_fd < 0) return fail('finding the map failed')

    const prog = bpf_object__find_program_by_name(obj, 'on_write')
    if (prog === null) return fail('finding the program failed')

    link = bpf_program__attach(prog)
    if (link === null) return fail('attaching the program failed')

    let received = 0
    let bad = 0
    const pb = perf_buffer__new(map_fd, 8, (_ctx, _cpu, data) => {
      const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
      if (view.getUint32(8, true) !== COOKIE) bad++
      received++
    })
    if (pb === null) return fail('setting up the perf buffer failed')

    const dd = spawn('dd', { cpu: 0, args: ['if=/dev/zero', 'of=/dev/null'] })
    const start = process.hrtime.bigint()
    while (received < EVENTS_WANTED && perf_buffer__poll(pb, 1000) >= 0);
    const seconds = Number(process.hrtime.bigint() - start) / 1e9
    dd.kill()

    console.log(`recv ${Math.round(received / seconds)} events per sec`)
    report?.(pb)
    perf_buffer__free(pb)
    if (bad > 0) return fail(`${bad} of ${received} events had a wrong cookie`)
    return received >= EVENTS_WANTED ? 0 : fail(`only ${received} events arrived`)
  } finally {
    if (link) bpf_link__destroy(link)
    bpf_object__close(obj)
  }
}

/** Path of an object beside the examples' sources, wherever this module was built to. */
export function exampleObject(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
}
