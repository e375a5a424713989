/** Small programs that scripts and tests start: cat, touch, rm, sleep, true, false, run. */
import { AT_FDCWD, O_CREAT, O_RDONLY, O_WRONLY, type Sys, type Task } from '../../../shared/kernel/workload.js'
import { errorText, print } from './print.js'

const STDOUT = 1
const STDERR = 2
const CAT_BYTES = 4096
const CREATE_MODE = 0o666
const EXIT_CODE_SHIFT = 8
const EXIT_NOT_FOUND = 127
const NS_PER_S = 1e9
const STATUS_BYTES = 4

/** cat FILE...: to standard output. */
export function* cat(sys: Sys, args: string[]): Task {
  const buffer = sys.alloc(CAT_BYTES)
  let status = 0
  for (const path of args) {
    const fd = yield sys.openat(AT_FDCWD, path, O_RDONLY)
    if (fd < 0) {
      yield* print(sys, STDERR, `cat: ${path}: ${errorText(fd)}\n`)
      status = 1
      continue
    }
    for (;;) {
      const got = yield sys.read(fd, buffer, CAT_BYTES)
      if (got <= 0) break
      yield sys.write(STDOUT, buffer, got)
    }
    yield sys.close(fd)
  }
  return status
}

/** touch FILE...: makes them when they are missing. */
export function* touch(sys: Sys, args: string[]): Task {
  let status = 0
  for (const path of args) {
    const fd = yield sys.openat(AT_FDCWD, path, O_WRONLY | O_CREAT, CREATE_MODE)
    if (fd >= 0) yield sys.close(fd)
    else {
      yield* print(sys, STDERR, `touch: cannot touch '${path}': ${errorText(fd)}\n`)
      status = 1
    }
  }
  return status
}

/** rm FILE... */
export function* rm(sys: Sys, args: string[]): Task {
  let status = 0
  for (const path of args) {
    const result = yield sys.unlinkat(AT_FDCWD, path, 0)
    if (result === 0) continue
    yield* print(sys, STDERR, `rm: cannot remove '${path}': ${errorText(result)}\n`)
    status = 1
  }
  return status
}

/** sleep SECONDS, fractions allowed. */
export function* sleep(sys: Sys, args: string[]): Task {
  const seconds = Number(args[0])
  if (!(seconds >= 0)) {
    yield* print(sys, STDERR, `sleep: invalid time interval ‘${args[0] ?? ''}’\n`)
    return 1
  }
  yield sys.nanosleep(Math.round(seconds * NS_PER_S))
  return 0
}

// biome-ignore lint/correctness/useYield: it does nothing, successfully
export function* succeed(): Task {
  return 0
}

// biome-ignore lint/correctness/useYield: it does nothing, unsuccessfully
export function* fail(): Task {
  return 1
}

/** run PROGRAM ARGS...: as a shell would, in a child that it waits for; exits with the child's code. */
export function* run(sys: Sys, args: string[]): Task {
  const [program = '', ...rest] = args
  const path = program.includes('/') ? program : `/bin/${program}`
  const pid = yield sys.fork(function* (child) {
    yield child.execve(path, [program, ...rest])
    return EXIT_NOT_FOUND
  })
  if (pid < 0) return 1
  const status = sys.alloc(STATUS_BYTES)
  yield sys.wait4(pid, status)
  const offset = status - sys.userBase
  const word = sys.user[offset] | (sys.user[offset + 1] << EXIT_CODE_SHIFT)
  return word >> EXIT_CODE_SHIFT
}
