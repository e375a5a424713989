/**
 * Which of libbpf's C parameters have no counterpart, because the parameter before them is a buffer that knows its own
 * size. Everything not listed keeps all its parameters. Trailing parameters that C programs mostly pass NULL for
 * (opts, lost_cb, ctx) may be left out.
 */
export const foldedParameters: Readonly<Record<string, readonly string[]>> = {
  bpf_object__open_mem: ['obj_buf_sz'],
  bpf_prog_load: ['insn_cnt'],
  bpf_btf_load: ['btf_size'],
  bpf_obj_get_info_by_fd: ['info_len'],
  bpf_map_get_info_by_fd: ['info_len'],
  bpf_prog_get_info_by_fd: ['info_len'],
  bpf_link_get_info_by_fd: ['info_len'],
  bpf_map__lookup_elem: ['key_sz', 'value_sz'],
  bpf_map__update_elem: ['key_sz', 'value_sz'],
  bpf_map__delete_elem: ['key_sz'],
  bpf_map__lookup_and_delete_elem: ['key_sz', 'value_sz'],
  bpf_map__get_next_key: ['key_sz'],
  bpf_map__initial_value: ['psize'],
  bpf_map__set_initial_value: ['size'],
  bpf_program__set_insns: ['new_insn_cnt'],
  bpf_program__set_log_buf: ['log_size'],
  bpf_program__log_buf: ['log_size'],
  libbpf_strerror: ['size'],
  btf__new: ['size'],
  btf__raw_data: ['size'],
  btf__get_raw_data: ['size'],
}
