/** A task that opens a few files by name, as any program does at its start. */
import type { Sys } from 'smpbpf/workload'

const AT_FDCWD = -100

export default function* opener(sys: Sys, args: string[]) {
  for (const path of args) {
    const fd = yield sys.openat(AT_FDCWD, sys.string(path), 0, 0)
    if (fd >= 0) yield sys.close(fd)
  }
  return 0
}
