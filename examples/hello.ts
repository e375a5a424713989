/** Hello world: a program on openat's tracepoint writes to trace_pipe, and its lines are printed as they come. */
import {
  bpf_link__destroy,
  bpf_object__close,
  bpf_object__load,
  bpf_object__next_program,
  bpf_object__open_file,
  bpf_program__attach,
} from 'smpbpf'
import { spawn, trace_pipe } from 'smpbpf/machine'
import { exampleObject } from './trace_output.js'

const LINES_WANTED = 3

/** Prints LINES_WANTED lines of trace_pipe; 0, or 1 after a failure that libbpf's messages have named. */
export function hello(): number {
  const obj = bpf_object__open_file(exampleObject('hello.bpf.o'), null)
  if (obj === null) return 1
  if (bpf_object__load(obj)) return 1
  const prog = bpf_object__next_program(obj, null)
  const link = prog && bpf_program__attach(prog)
  if (!link) return 1

  spawn(new URL('./workloads/opener.js', import.meta.url), {
    cpu: 1,
    comm: 'opener',
    args: ['/dev/null', '/dev/zero', '/etc/hostname'],
  })
  let lines = 0
  for (const line of trace_pipe({ timeoutMs: 5000 })) {
    console.log(line)
    if (++lines === LINES_WANTED) break
  }

  bpf_link__destroy(link)
  bpf_object__close(obj)
  return lines === LINES_WANTED ? 0 : 1
}
