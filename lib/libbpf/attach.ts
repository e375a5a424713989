/** bpf_program__attach and its forms for kprobes, system calls and tracepoints. */
import { findTracepoint, hasKernelSymbol, hasRawTracepoint } from '../../shared/kernel/hooks.js'
import { EINVAL, ENOENT, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { createPerfLink, createRawTracepointLink } from '../syscall/link_object.js'
import { openProbeEvent } from '../syscall/perf_event.js'
import { errstr, nullResult } from './errno.js'
import { warn } from './print.js'
import { bpf_link, bpf_program } from './structs.js'

export interface bpf_kprobe_opts {
  /** For bpf_get_attach_cookie. */
  bpf_cookie?: number | bigint
  /** Only 0: the functions of the simulated kernel have an entry and an end. */
  offset?: number
  retprobe?: boolean
  attach_mode?: number
}

export interface bpf_ksyscall_opts {
  bpf_cookie?: number | bigint
  retprobe?: boolean
}

export interface bpf_tracepoint_opts {
  bpf_cookie?: number | bigint
}

export interface bpf_raw_tracepoint_opts {
  cookie?: number | bigint
}

/** Opens the probe's event and links the program to it; `what` is how messages name the probe. */
function attachProbe(prog: bpf_program, hook: string, cookie: number | bigint, what: string): bpf_link | null {
  const { kernel } = prog.object
  const { name } = prog.image
  if (kernel === null || prog.fd < 0) {
    warn(`prog '${name}': can't attach before loaded`)
    return nullResult(EINVAL)
  }
  const eventFd = openProbeEvent(kernel, { hook })
  const fd = eventFd < 0 ? eventFd : createPerfLink(kernel, prog.fd, eventFd, cookie)
  if (fd < 0) {
    if (eventFd >= 0) kernel.close(eventFd)
    warn(`prog '${name}': failed to attach to ${what}: ${errstr(fd)}`)
    return nullResult(fd)
  }
  return new bpf_link(kernel, fd, eventFd, prog)
}

function unloaded(prog: bpf_program): boolean {
  if (prog.fd >= 0) return false
  warn(`prog '${prog.image.name}': can't attach before loaded`)
  return true
}

/** Attaches to entry (or, with retprobe, return) of a kernel function. null: EINVAL not loaded, ENOENT no such one. */
export function bpf_program__attach_kprobe_opts(
  prog: bpf_program | null,
  func_name: string,
  opts: bpf_kprobe_opts | null = null,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  const kind = opts?.retprobe ? 'kretprobe' : 'kprobe'
  const offset = opts?.offset ?? 0
  const what = `${kind} '${func_name}+0x${offset.toString(16)}'`
  const refuse = (error: number): null => {
    warn(`prog '${prog.image.name}': failed to create ${what} perf event: ${errstr(error)}`)
    return nullResult(error)
  }
  if (!hasKernelSymbol(func_name)) return refuse(ENOENT)
  if (offset !== 0) return refuse(opts?.retprobe ? EINVAL : EOPNOTSUPP)
  return attachProbe(prog, `${kind}:${func_name}`, opts?.bpf_cookie ?? 0, what)
}

/** bpf_program__attach_kprobe_opts without options. */
export function bpf_program__attach_kprobe(
  prog: bpf_program | null,
  retprobe: boolean,
  func_name: string,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  return bpf_program__attach_kprobe_opts(prog, func_name, { retprobe })
}

/** Attaches to the entry or return of a system call by its bare name, e.g. "write". */
export function bpf_program__attach_ksyscall(
  prog: bpf_program | null,
  syscall_name: string,
  opts: bpf_ksyscall_opts | null = null,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  return bpf_program__attach_kprobe_opts(prog, `__x64_sys_${syscall_name}`, opts)
}

/** Attaches to a tracepoint, e.g. "syscalls", "sys_enter_write". null: ENOENT when there is none of that name. */
export function bpf_program__attach_tracepoint_opts(
  prog: bpf_program | null,
  tp_category: string,
  tp_name: string,
  opts: bpf_tracepoint_opts | null = null,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  const what = `tracepoint '${tp_category}/${tp_name}'`
  if (findTracepoint(tp_category, tp_name) === undefined) {
    warn(`failed to determine ${what} perf event ID: ${errstr(ENOENT)}`)
    warn(`prog '${prog.image.name}': failed to create ${what} perf event: ${errstr(ENOENT)}`)
    return nullResult(ENOENT)
  }
  return attachProbe(prog, `tracepoint:${tp_category}/${tp_name}`, opts?.bpf_cookie ?? 0, what)
}

/** bpf_program__attach_tracepoint_opts without options. */
export function bpf_program__attach_tracepoint(
  prog: bpf_program | null,
  tp_category: string,
  tp_name: string,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  return bpf_program__attach_tracepoint_opts(prog, tp_category, tp_name, null)
}

/** Attaches to a raw tracepoint, e.g. "sys_enter". null: ENOENT when there is none of that name. */
export function bpf_program__attach_raw_tracepoint_opts(
  prog: bpf_program | null,
  tp_name: string,
  opts: bpf_raw_tracepoint_opts | null = null,
): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  const { kernel } = prog.object
  const { name } = prog.image
  if (kernel === null || unloaded(prog)) return nullResult(EINVAL)
  const fd = hasRawTracepoint(tp_name)
    ? createRawTracepointLink(kernel, prog.fd, `raw_tp:${tp_name}`, opts?.cookie ?? 0)
    : -ENOENT
  if (fd < 0) {
    warn(`prog '${name}': failed to attach to raw tracepoint '${tp_name}': ${errstr(fd)}`)
    return nullResult(fd)
  }
  return new bpf_link(kernel, fd, -1, prog)
}

/** bpf_program__attach_raw_tracepoint_opts without options. */
export function bpf_program__attach_raw_tracepoint(prog: bpf_program | null, tp_name: string): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  return bpf_program__attach_raw_tracepoint_opts(prog, tp_name, null)
}

/** Attaches to the hook that the section's name ends with. */
function attachBySection(prog: bpf_program): bpf_link | null {
  const { definition, section } = prog.image
  const target = definition?.target ?? ''
  const method = definition?.attach
  switch (method) {
    case 'kprobe': {
      const match = /^([a-zA-Z0-9_.]+)(?:\+(0x[0-9a-fA-F]+|\d+))?$/.exec(target)
      if (!match) {
        warn(`kprobe name is invalid: ${target}`)
        return nullResult(EINVAL)
      }
      const retprobe = section.startsWith('kretprobe')
      const offset = Number(match[2] ?? 0)
      if (retprobe && offset !== 0) {
        warn('kretprobes do not support offset specification')
        return nullResult(EINVAL)
      }
      return bpf_program__attach_kprobe_opts(prog, match[1], { retprobe, offset })
    }
    case 'ksyscall':
      return bpf_program__attach_ksyscall(prog, target, { retprobe: section.startsWith('kretsyscall') })
    case 'tp': {
      const slash = target.indexOf('/')
      if (slash < 0) return nullResult(EINVAL)
      return bpf_program__attach_tracepoint(prog, target.slice(0, slash), target.slice(slash + 1))
    }
    case 'raw_tp':
      return bpf_program__attach_raw_tracepoint(prog, target)
    default:
      warn(`prog '${prog.image.name}': attaching by section '${section}' is not supported yet`)
      return nullResult(EOPNOTSUPP)
  }
}

/** Sections of these methods may come without a target, and are then not attached automatically. */
const targetOptional = new Set(['kprobe', 'ksyscall', 'tp', 'raw_tp'])

/**
 * Attaches a program to what its section names. null: EINVAL not loaded, EOPNOTSUPP when the section's kind does not
 * attach by itself (xdp, tc, ...), ENOENT when the target does not exist. A section without a target gives null too.
 */
export function bpf_program__attach(prog: bpf_program | null): bpf_link | null {
  if (!(prog instanceof bpf_program)) return nullResult(EINVAL)
  const { definition } = prog.image
  if (!definition?.attach) return nullResult(EOPNOTSUPP)
  if (definition.target === '' && targetOptional.has(definition.attach)) return nullResult(EOPNOTSUPP)
  return attachBySection(prog)
}
