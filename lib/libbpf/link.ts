/** bpf_link__*: attachments. */
import { EINVAL, ENOENT, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { detachLink } from '../syscall/link_object.js'
import { intResult, nullResult } from './errno.js'
import { warn } from './print.js'
import { bpf_link, type bpf_map, type bpf_program } from './structs.js'

/** The link's descriptor. */
export function bpf_link__fd(link: bpf_link | null): number {
  if (!(link instanceof bpf_link)) return intResult(-EINVAL)
  return link.fd
}

/** From here on bpf_link__destroy frees the object only, and what it held stays attached. */
export function bpf_link__disconnect(link: bpf_link | null): void {
  if (!(link instanceof bpf_link)) return
  link.disconnected = true
}

/** Detaches (unless disconnected) and closes: 0. Null is allowed. Waits until no CPU is inside the program. */
export function bpf_link__destroy(link: bpf_link | null): number {
  if (!(link instanceof bpf_link)) return link ? intResult(-EINVAL) : 0
  if (!link.disconnected) {
    if (link.fd >= 0) link.kernel.close(link.fd)
    if (link.eventFd >= 0) link.kernel.close(link.eventFd)
  }
  link.fd = -1
  link.eventFd = -1
  return 0
}

/** BPF_LINK_DETACH: -EOPNOTSUPP for kprobes and tracepoints, as in Linux. */
export function bpf_link__detach(link: bpf_link | null): number {
  if (!(link instanceof bpf_link)) return intResult(-EINVAL)
  return intResult(detachLink(link.kernel, link.fd))
}

/** -EINVAL: kprobe and tracepoint links cannot change their program, as in Linux. */
export function bpf_link__update_program(_link: bpf_link | null, _prog: bpf_program): number {
  return intResult(-EINVAL)
}

/** -EINVAL for every link but those of struct_ops maps, which come later. */
export function bpf_link__update_map(_link: bpf_link | null, _map: bpf_map): number {
  return intResult(-EINVAL)
}

export function bpf_link__pin_path(_link: bpf_link | null): string | null {
  return null
}

/** bpffs comes later: -EOPNOTSUPP. */
export function bpf_link__pin(_link: bpf_link | null, path: string): number {
  warn(`link at '${path}': pinning is not supported yet`)
  return intResult(-EOPNOTSUPP)
}

/** -EINVAL: not pinned. */
export function bpf_link__unpin(_link: bpf_link | null): number {
  return intResult(-EINVAL)
}

/** Nothing is pinned yet: null, ENOENT. */
export function bpf_link__open(path: string): bpf_link | null {
  warn(`failed to open link at ${path}: -ENOENT`)
  return nullResult(ENOENT)
}
