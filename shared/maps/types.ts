/** What a map type is: the row that each file of this folder registers. */
import type { MapOp } from '../layout.js'
import type { Environment } from '../sync/environment.js'
import type { FunctionBuilder } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'

/** The fields of BPF_MAP_CREATE's attributes that decide what a map is. */
export interface MapAttributes {
  readonly type: number
  readonly keyBytes: number
  readonly valueBytes: number
  readonly maxEntries: number
  readonly flags: number
  /** map_extra: hash functions of a bloom filter, address of an arena. */
  readonly mapExtra?: number | bigint
  /** Node of BPF_F_NUMA_NODE; read only with that flag. */
  readonly numaNode?: number
  readonly name?: string
  /** Type ids in the BTF object that the map names, 0 for none; and in the kernel's own, for struct_ops. */
  readonly btfKeyTypeId?: number
  readonly btfValueTypeId?: number
  readonly btfVmlinuxValueTypeId?: number
}

/** The machine's memory, as JavaScript sees it. */
export interface MemoryViews {
  readonly u8: Uint8Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
}

/** Names of a map's operations, in the order of MapOp. */
export type MapOperation = keyof typeof MapOp

/** The functions of one shape; those left out answer -ENOTSUPP (lookups: NULL). */
export type MapFunctions = Partial<Record<MapOperation, FunctionBuilder>>

/** What BPF_MAP_CREATE needs to judge a request. */
export interface MapCreation {
  /** BPF_MAP_TYPE_*. */
  readonly type: number
  /** As bpftool calls it. */
  readonly name: string
  /** Linux's checks at creation: 0 or a negative errno. */
  check(attr: MapAttributes): number
  /** Those that Linux makes later, when it allocates: after it has looked at the token and the device. */
  checkLate?(attr: MapAttributes): number
}

export interface MapType extends MapCreation {
  /** Whether each CPU has values of its own. */
  readonly perCpu: boolean
  /** Bytes of storage after the header (MAP_BYTES), for `cpus` possible CPUs. May be more than any memory has. */
  storage(attr: MapAttributes, cpus: number): number
  /** Fills header and storage of a zeroed map, before anybody else can see it. */
  initialise(views: MemoryViews, address: number, attr: MapAttributes, cpus: number): void
  /** Maps of equal shape share their compiled operations. */
  shape(attr: MapAttributes): string
  /** Defines the operations in `module`. */
  emit(module: ModuleBuilder, env: Environment, attr: MapAttributes): MapFunctions
}
