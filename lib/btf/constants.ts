/** Numbers of linux/btf.h. */

export const BTF_MAGIC = 0xeb9f
export const BTF_VERSION = 1
/** Bytes of struct btf_header. */
export const BTF_HEADER_BYTES = 24
/** Bytes of struct btf_type, the part every kind has. */
export const BTF_TYPE_BYTES = 12
export const BTF_MAX_STR_OFFSET = 0x7fffffff

export const BTF_KIND_UNKN = 0
export const BTF_KIND_INT = 1
export const BTF_KIND_PTR = 2
export const BTF_KIND_ARRAY = 3
export const BTF_KIND_STRUCT = 4
export const BTF_KIND_UNION = 5
export const BTF_KIND_ENUM = 6
export const BTF_KIND_FWD = 7
export const BTF_KIND_TYPEDEF = 8
export const BTF_KIND_VOLATILE = 9
export const BTF_KIND_CONST = 10
export const BTF_KIND_RESTRICT = 11
export const BTF_KIND_FUNC = 12
export const BTF_KIND_FUNC_PROTO = 13
export const BTF_KIND_VAR = 14
export const BTF_KIND_DATASEC = 15
export const BTF_KIND_FLOAT = 16
export const BTF_KIND_DECL_TAG = 17
export const BTF_KIND_TYPE_TAG = 18
export const BTF_KIND_ENUM64 = 19

/** Linkage of variables. */
export const BTF_VAR_STATIC = 0
export const BTF_VAR_GLOBAL_ALLOCATED = 1
export const BTF_VAR_GLOBAL_EXTERN = 2

/** Linkage of functions (in the vlen field). */
export const BTF_FUNC_STATIC = 0
export const BTF_FUNC_GLOBAL = 1
export const BTF_FUNC_EXTERN = 2

/** What follows struct btf_type: `fixed` bytes, then `each` bytes vlen times. Indexed by kind. */
export const kindTrailer: readonly ({ readonly fixed: number; readonly each: number } | undefined)[] = [
  undefined,
  { fixed: 4, each: 0 }, // INT
  { fixed: 0, each: 0 }, // PTR
  { fixed: 12, each: 0 }, // ARRAY
  { fixed: 0, each: 12 }, // STRUCT
  { fixed: 0, each: 12 }, // UNION
  { fixed: 0, each: 8 }, // ENUM
  { fixed: 0, each: 0 }, // FWD
  { fixed: 0, each: 0 }, // TYPEDEF
  { fixed: 0, each: 0 }, // VOLATILE
  { fixed: 0, each: 0 }, // CONST
  { fixed: 0, each: 0 }, // RESTRICT
  { fixed: 0, each: 0 }, // FUNC
  { fixed: 0, each: 8 }, // FUNC_PROTO
  { fixed: 4, each: 0 }, // VAR
  { fixed: 0, each: 12 }, // DATASEC
  { fixed: 0, each: 0 }, // FLOAT
  { fixed: 4, each: 0 }, // DECL_TAG
  { fixed: 0, each: 0 }, // TYPE_TAG
  { fixed: 0, each: 12 }, // ENUM64
]

/** Names of the kinds as libbpf's messages have them, indexed by kind. */
export const kindNames: readonly string[] = [
  'void',
  'int',
  'ptr',
  'array',
  'struct',
  'union',
  'enum',
  'fwd',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'func',
  'func_proto',
  'var',
  'datasec',
  'float',
  'decl_tag',
  'type_tag',
  'enum64',
]
