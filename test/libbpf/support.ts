import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  type bpf_object,
  bpf_object__close,
  bpf_object__find_map_fd_by_name,
  bpf_object__find_program_by_name,
  bpf_object__load,
  bpf_object__open_file,
  bpf_prog_test_run_opts,
  bpf_program__fd,
  type bpf_test_run_opts,
  libbpf_set_print,
} from '#lib/index.js'

/** The same whether this runs from its source or from dist. */
const packageRoot = dirname(createRequire(import.meta.url).resolve('smpbpf/package.json'))

/** Path of a checked-in object of test/programs. */
export function program(name: string): string {
  return join(packageRoot, 'test/programs', `${name}.bpf.o`)
}

/** Collects libbpf's messages until restore(). */
export function captureMessages(): { text: () => string; lines: [number, string][]; restore: () => void } {
  const lines: [number, string][] = []
  const old = libbpf_set_print((level, text) => {
    lines.push([level, text])
  })
  return { lines, text: () => lines.map(([, text]) => text).join(''), restore: () => libbpf_set_print(old) }
}

/** Opens and loads an object of test/programs, which must work. */
export function loaded(name: string): bpf_object {
  const object = bpf_object__open_file(program(name))
  if (object === null) throw new Error(`${name} does not open`)
  const error = bpf_object__load(object)
  if (error) {
    bpf_object__close(object)
    throw new Error(`${name} does not load: ${error}`)
  }
  return object
}

export function fdOfProgram(object: bpf_object, name: string): number {
  const found = bpf_object__find_program_by_name(object, name)
  if (found === null) throw new Error(`no program ${name}`)
  return bpf_program__fd(found)
}

export function fdOfMap(object: bpf_object, name: string): number {
  return bpf_object__find_map_fd_by_name(object, name)
}

/** Runs an xdp program once on an empty 64-byte packet; r0. */
export function runXdp(object: bpf_object, name: string, more: bpf_test_run_opts = {}): number {
  const opts: bpf_test_run_opts = { data_in: new Uint8Array(64), repeat: 1, ...more }
  const error = bpf_prog_test_run_opts(fdOfProgram(object, name), opts)
  if (error) throw new Error(`test run of ${name}: ${error}`)
  return (opts.retval ?? 0) | 0
}

/** Runs a raw tracepoint program on one CPU; r0. */
export function runRaw(object: bpf_object, name: string, cpu: number): number {
  const opts: bpf_test_run_opts = { ctx_in: new Uint8Array(64), cpu, flags: 1 }
  const error = bpf_prog_test_run_opts(fdOfProgram(object, name), opts)
  if (error) throw new Error(`test run of ${name}: ${error}`)
  return (opts.retval ?? 0) | 0
}
