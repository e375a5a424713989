import { AT_FDCWD, O_RDONLY, type Sys, type Task } from 'smpbpf/workload'

/** A task that opens files by name, as any program does at its start. */
export default function* opener(sys: Sys, args: string[]): Task {
  for (const path of args) {
    const fd = yield sys.openat(AT_FDCWD, path, O_RDONLY)
    if (fd >= 0) yield sys.close(fd)
  }
  return 0
}
