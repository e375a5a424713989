/**
 * Functions whose subject does not exist yet: each prints a message and answers -EOPNOTSUPP, or null with that errno.
 */
import { EOPNOTSUPP } from '../../shared/uapi/errno.js'
import type { Bytes } from './bpf.js'
import { intResult, nullResult } from './errno.js'
import { warn } from './print.js'
import type { bpf_link, bpf_map, bpf_object, bpf_program } from './structs.js'

function number<Arguments extends unknown[]>(name: string): (...args: Arguments) => number {
  return () => {
    warn(`${name}: not supported yet: -EOPNOTSUPP`)
    return intResult(-EOPNOTSUPP)
  }
}

function link<Arguments extends unknown[]>(name: string): (prog: bpf_program, ...args: Arguments) => bpf_link | null {
  return () => {
    warn(`${name}: not supported yet: -EOPNOTSUPP`)
    return nullResult(EOPNOTSUPP)
  }
}

type Opts = object | null

export const bpf_program__attach_perf_event = link<[pfd: number]>('bpf_program__attach_perf_event')
export const bpf_program__attach_perf_event_opts = link<[pfd: number, opts?: Opts]>(
  'bpf_program__attach_perf_event_opts',
)
export const bpf_program__attach_uprobe =
  link<[retprobe: boolean, pid: number, binary_path: string, func_offset: number | bigint]>(
    'bpf_program__attach_uprobe',
  )
export const bpf_program__attach_uprobe_opts = link<
  [pid: number, binary_path: string, func_offset: number | bigint, opts?: Opts]
>('bpf_program__attach_uprobe_opts')
export const bpf_program__attach_uprobe_multi = link<
  [pid: number, binary_path: string, func_pattern: string | null, opts?: Opts]
>('bpf_program__attach_uprobe_multi')
export const bpf_program__attach_kprobe_multi_opts = link<[pattern: string | null, opts?: Opts]>(
  'bpf_program__attach_kprobe_multi_opts',
)
export const bpf_program__attach_usdt =
  link<[pid: number, binary_path: string, usdt_provider: string, usdt_name: string, opts?: Opts]>(
    'bpf_program__attach_usdt',
  )
export const bpf_program__attach_trace = link<[]>('bpf_program__attach_trace')
export const bpf_program__attach_trace_opts = link<[opts?: Opts]>('bpf_program__attach_trace_opts')
export const bpf_program__attach_tracing_multi = link<[pattern: string | null, opts?: Opts]>(
  'bpf_program__attach_tracing_multi',
)
export const bpf_program__attach_lsm = link<[]>('bpf_program__attach_lsm')
export const bpf_program__attach_iter = link<[opts?: Opts]>('bpf_program__attach_iter')
export const bpf_program__attach_cgroup = link<[cgroup_fd: number]>('bpf_program__attach_cgroup')
export const bpf_program__attach_cgroup_opts = link<[cgroup_fd: number, opts?: Opts]>('bpf_program__attach_cgroup_opts')
export const bpf_program__attach_netns = link<[netns_fd: number]>('bpf_program__attach_netns')
export const bpf_program__attach_sockmap = link<[map_fd: number]>('bpf_program__attach_sockmap')
export const bpf_program__attach_xdp = link<[ifindex: number]>('bpf_program__attach_xdp')
export const bpf_program__attach_tcx = link<[ifindex: number, opts?: Opts]>('bpf_program__attach_tcx')
export const bpf_program__attach_netkit = link<[ifindex: number, opts?: Opts]>('bpf_program__attach_netkit')
export const bpf_program__attach_netfilter = link<[opts?: Opts]>('bpf_program__attach_netfilter')
export const bpf_program__attach_freplace =
  link<[target_fd: number, attach_func_name: string]>('bpf_program__attach_freplace')

type Pin = [path: string | null]
export const bpf_program__pin = number<[prog: bpf_program, ...Pin]>('bpf_program__pin')
export const bpf_program__unpin = number<[prog: bpf_program, ...Pin]>('bpf_program__unpin')
export const bpf_object__pin = number<[object: bpf_object, ...Pin]>('bpf_object__pin')
export const bpf_object__unpin = number<[object: bpf_object, ...Pin]>('bpf_object__unpin')
export const bpf_object__pin_maps = number<[obj: bpf_object, ...Pin]>('bpf_object__pin_maps')
export const bpf_object__unpin_maps = number<[obj: bpf_object, ...Pin]>('bpf_object__unpin_maps')
export const bpf_object__pin_programs = number<[obj: bpf_object, ...Pin]>('bpf_object__pin_programs')
export const bpf_object__unpin_programs = number<[obj: bpf_object, ...Pin]>('bpf_object__unpin_programs')
export const bpf_object__gen_loader = number<[obj: bpf_object, opts: Opts]>('bpf_object__gen_loader')
export const bpf_program__clone = number<[prog: bpf_program, opts?: Opts]>('bpf_program__clone')
export const bpf_program__assoc_struct_ops = number<[prog: bpf_program, map: bpf_map, opts?: Opts]>(
  'bpf_program__assoc_struct_ops',
)
export const bpf_map__set_exclusive_program = number<[map: bpf_map, prog: bpf_program | null]>(
  'bpf_map__set_exclusive_program',
)

type Batch = [keys: Bytes, values: Bytes, count: Uint32Array, opts?: Opts]
export const bpf_map_lookup_batch =
  number<[fd: number, in_batch: Bytes | null, out_batch: Bytes, ...Batch]>('bpf_map_lookup_batch')
export const bpf_map_lookup_and_delete_batch = number<[fd: number, in_batch: Bytes | null, out_batch: Bytes, ...Batch]>(
  'bpf_map_lookup_and_delete_batch',
)
export const bpf_map_update_batch = number<[fd: number, ...Batch]>('bpf_map_update_batch')
export const bpf_map_delete_batch =
  number<[fd: number, keys: Bytes, count: Uint32Array, opts?: Opts]>('bpf_map_delete_batch')
export const bpf_obj_pin = number<[fd: number, pathname: string]>('bpf_obj_pin')
export const bpf_obj_pin_opts = number<[fd: number, pathname: string, opts?: Opts]>('bpf_obj_pin_opts')
export const bpf_obj_get = number<[pathname: string]>('bpf_obj_get')
export const bpf_obj_get_opts = number<[pathname: string, opts?: Opts]>('bpf_obj_get_opts')
export const bpf_prog_attach =
  number<[prog_fd: number, attachable_fd: number, type: number, flags: number]>('bpf_prog_attach')
export const bpf_prog_attach_opts =
  number<[prog_fd: number, target: number, type: number, opts?: Opts]>('bpf_prog_attach_opts')
export const bpf_prog_detach = number<[attachable_fd: number, type: number]>('bpf_prog_detach')
export const bpf_prog_detach2 = number<[prog_fd: number, attachable_fd: number, type: number]>('bpf_prog_detach2')
export const bpf_prog_detach_opts =
  number<[prog_fd: number, target: number, type: number, opts?: Opts]>('bpf_prog_detach_opts')
export const bpf_prog_query_opts = number<[target: number, type: number, opts: Opts]>('bpf_prog_query_opts')
export const bpf_prog_bind_map = number<[prog_fd: number, map_fd: number, opts?: Opts]>('bpf_prog_bind_map')
export const bpf_link_update = number<[link_fd: number, new_prog_fd: number, opts?: Opts]>('bpf_link_update')
export const bpf_link_get_fd_by_id = number<[id: number]>('bpf_link_get_fd_by_id')
export const bpf_iter_create = number<[link_fd: number]>('bpf_iter_create')
export const bpf_enable_stats = number<[type: number]>('bpf_enable_stats')
export const bpf_btf_load = number<[btf_data: Bytes, opts?: Opts]>('bpf_btf_load')
export const bpf_btf_get_fd_by_id = number<[id: number]>('bpf_btf_get_fd_by_id')
export const bpf_token_create = number<[bpffs_fd: number, opts?: Opts]>('bpf_token_create')
