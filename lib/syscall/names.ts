/** BPF_OBJ_NAME_LEN of linux/bpf.h, the NUL included. */
export const OBJ_NAME_BYTES = 16

/** `name` when the kernel takes it for a map or program (at most 15 of [A-Za-z0-9_.]), else null. */
export function objectName(name: string): string | null {
  return name.length < OBJ_NAME_BYTES && /^[A-Za-z0-9_.]*$/.test(name) ? name : null
}
