/** smpbpf: libbpf's functions by their names, over a simulated machine. See README for how C maps to TypeScript. */

export * from '../shared/uapi/bpf.js'
export * from '../shared/uapi/bpf_flags.js'
export * from './libbpf/attach.js'
export {
  type Bytes,
  bpf_btf_get_next_id,
  type bpf_get_fd_by_id_opts,
  bpf_link_create,
  type bpf_link_create_opts,
  bpf_link_detach,
  bpf_link_get_info_by_fd,
  bpf_link_get_next_id,
  bpf_map_create,
  type bpf_map_create_opts,
  bpf_map_delete_elem,
  bpf_map_delete_elem_flags,
  bpf_map_freeze,
  bpf_map_get_fd_by_id,
  bpf_map_get_fd_by_id_opts,
  bpf_map_get_info_by_fd,
  bpf_map_get_next_id,
  bpf_map_get_next_key,
  bpf_map_lookup_and_delete_elem,
  bpf_map_lookup_and_delete_elem_flags,
  bpf_map_lookup_elem,
  bpf_map_lookup_elem_flags,
  bpf_map_update_elem,
  bpf_obj_get_info_by_fd,
  bpf_prog_get_fd_by_id,
  bpf_prog_get_fd_by_id_opts,
  bpf_prog_get_info_by_fd,
  bpf_prog_get_next_id,
  bpf_prog_load,
  type bpf_prog_load_opts,
  bpf_prog_test_run_opts,
  bpf_prog_test_run_opts_async,
  type bpf_raw_tp_opts,
  bpf_raw_tracepoint_open,
  bpf_raw_tracepoint_open_opts,
} from './libbpf/bpf.js'
export * from './libbpf/btf.js'
export { errno, libbpf_get_error, libbpf_strerror, set_errno } from './libbpf/errno.js'
export * from './libbpf/link.js'
export { bpf_object__load } from './libbpf/load.js'
export * from './libbpf/map.js'
export * from './libbpf/map_elements.js'
export * from './libbpf/object.js'
export * from './libbpf/open.js'
export * from './libbpf/perf_buffer.js'
export type { PerfEvent, PerfEvents } from './libbpf/perf_buffer_events.js'
export { perf_buffer } from './libbpf/perf_buffer_struct.js'
export {
  LIBBPF_DEBUG,
  LIBBPF_INFO,
  LIBBPF_WARN,
  type libbpf_print_fn_t,
  libbpf_set_print,
} from './libbpf/print.js'
export * from './libbpf/program.js'
export * from './libbpf/strings.js'
export { bpf_link, bpf_map, bpf_object, bpf_program } from './libbpf/structs.js'
export * from './libbpf/unsupported.js'
export {
  libbpf_attach_type_by_name,
  libbpf_major_version,
  libbpf_minor_version,
  libbpf_num_possible_cpus,
  libbpf_prog_type_by_name,
  libbpf_set_memlock_rlim,
  libbpf_set_strict_mode,
  libbpf_version_string,
  type Out,
} from './libbpf/utils.js'
export type { bpf_link_info, bpf_map_info, bpf_prog_info } from './syscall/info.js'
export type { perf_event_attr } from './syscall/perf_event.js'
export type { bpf_test_run_opts } from './syscall/test_run.js'
