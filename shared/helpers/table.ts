/**
 * The helper functions a BPF program may call, one row each. The JIT takes the calling convention from here, the CPU
 * the implementation's name, later the verifier the types.
 *
 * Numbers and names: linux/bpf.h. GPL column: Linux 6.18's verifier.
 */

/**
 * What an argument register holds.
 * - ctx: the program's context
 * - map: a map's header
 * - key, value: memory of the map's key or value size
 * - valueOut: as value, and the helper fills it
 * - in, out: memory that the helper reads or fills; the next argument (kind size) is its length
 * - inOrNull: as in, and NULL is allowed
 * - format: as in, a printf format
 * - unsafe: an address the helper itself checks (probe_read's source): all 64 bits
 * - size, u32: an unsigned 32-bit number; u64: all 64 bits
 * - func: a function of the program; any: what that function is given
 */
export type ArgumentKind =
  | 'ctx'
  | 'map'
  | 'key'
  | 'value'
  | 'valueOut'
  | 'in'
  | 'inOrNull'
  | 'out'
  | 'format'
  | 'unsafe'
  | 'size'
  | 'u32'
  | 'u64'
  | 'func'
  | 'any'

/** i32: an int, sign-extended into r0. u64: all bits. pointer: an address or 0. */
export type ReturnKind = 'i32' | 'u64' | 'pointer'

/**
 * Where a helper runs.
 * - map: the map's own operation (MapOp), direct where the map is known, else through the function table
 * - wasm: a function of the thread's runtime instance; pointers and sizes are i32, u64 and unsafe are i64
 * - js: a function of cpu-workers/helpers; pointers, sizes and u32 are passed as i32, a u64 argument n (counted
 *   from 0 among all arguments) lies in CPU.helperArguments[n], a u64 result in CPU.helperResult
 * - jit: code that the compiler puts into the program
 */
export type HelperTier = 'map' | 'wasm' | 'js' | 'jit'

export interface HelperRow {
  readonly id: number
  readonly name: string
  readonly args: readonly ArgumentKind[]
  readonly ret: ReturnKind
  readonly tier: HelperTier
  readonly gplOnly?: boolean
  /** Programs with a packet as context import this name with _xdp or _skb appended instead. */
  readonly packetName?: string
}

const row = (
  id: number,
  name: string,
  tier: HelperTier,
  args: readonly ArgumentKind[],
  ret: ReturnKind,
  gplOnly = false,
): HelperRow => ({ id, name, args, ret, tier, gplOnly })

export const helperTable: readonly HelperRow[] = [
  row(1, 'bpf_map_lookup_elem', 'map', ['map', 'key'], 'pointer'),
  row(2, 'bpf_map_update_elem', 'map', ['map', 'key', 'value', 'u64'], 'i32'),
  row(3, 'bpf_map_delete_elem', 'map', ['map', 'key'], 'i32'),
  row(4, 'bpf_probe_read', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(5, 'bpf_ktime_get_ns', 'wasm', [], 'u64'),
  row(6, 'bpf_trace_printk', 'js', ['format', 'size', 'u64', 'u64', 'u64'], 'i32', true),
  row(7, 'bpf_get_prandom_u32', 'wasm', [], 'u64'),
  row(8, 'bpf_get_smp_processor_id', 'wasm', [], 'u64'),
  row(12, 'bpf_tail_call', 'jit', ['ctx', 'map', 'u32'], 'u64'),
  row(14, 'bpf_get_current_pid_tgid', 'wasm', [], 'u64'),
  row(15, 'bpf_get_current_uid_gid', 'wasm', [], 'u64'),
  row(16, 'bpf_get_current_comm', 'wasm', ['out', 'size'], 'i32'),
  {
    ...row(25, 'bpf_perf_event_output', 'wasm', ['ctx', 'map', 'u64', 'in', 'size'], 'i32', true),
    packetName: 'bpf_perf_event_output',
  },
  row(45, 'bpf_probe_read_str', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(87, 'bpf_map_push_elem', 'map', ['map', 'value', 'u64'], 'i32'),
  row(88, 'bpf_map_pop_elem', 'map', ['map', 'valueOut'], 'i32'),
  row(89, 'bpf_map_peek_elem', 'map', ['map', 'valueOut'], 'i32'),
  row(112, 'bpf_probe_read_user', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(113, 'bpf_probe_read_kernel', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(114, 'bpf_probe_read_user_str', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(115, 'bpf_probe_read_kernel_str', 'wasm', ['out', 'size', 'unsafe'], 'i32', true),
  row(164, 'bpf_for_each_map_elem', 'jit', ['map', 'func', 'any', 'u64'], 'i32'),
  row(181, 'bpf_loop', 'jit', ['u32', 'func', 'any', 'u64'], 'i32'),
]

/** True when an argument of this kind is passed to a WASM helper as i64, false when as i32. */
export function isWide(kind: ArgumentKind): boolean {
  return kind === 'u64' || kind === 'unsafe' || kind === 'func' || kind === 'any'
}

const byId = new Map(helperTable.map((helper) => [helper.id, helper]))

/** The row of helper `id`, or undefined when no such helper runs here. */
export function helperById(id: number): HelperRow | undefined {
  return byId.get(id)
}
