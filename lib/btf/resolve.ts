/** Questions about types that follow references: what lies under typedefs, how large, how aligned. */
import { E2BIG, EINVAL } from '../../shared/uapi/errno.js'
import type { Btf } from './btf.js'
import * as k from './constants.js'

/** How many references are followed before a chain counts as a cycle, as in libbpf. */
const DEPTH_LIMIT = 32
/** Pointers of the BPF target. */
const POINTER_BYTES = 8
const UINT32_MAX = 0xffffffff

const MODIFIERS: ReadonlySet<number> = new Set([
  k.BTF_KIND_VOLATILE,
  k.BTF_KIND_CONST,
  k.BTF_KIND_RESTRICT,
  k.BTF_KIND_TYPE_TAG,
])

/** The type under const, volatile, restrict, type tags and typedefs; 0 (void) for a cycle. */
export function skipModifiers(btf: Btf, id: number): number {
  let at = id
  for (let depth = 0; depth < DEPTH_LIMIT; depth++) {
    const kind = btf.kind(at)
    if (kind !== k.BTF_KIND_TYPEDEF && !MODIFIERS.has(kind)) return at
    at = btf.sizeOrType(at)
  }
  return 0
}

/** Size of a type in bytes, or -EINVAL (no size, or a cycle), -E2BIG (beyond 32 bits). */
export function resolveSize(btf: Btf, id: number): number {
  let at = id
  let elements = 1
  for (let depth = 0; depth < DEPTH_LIMIT; depth++) {
    const kind = btf.kind(at)
    switch (kind) {
      case k.BTF_KIND_INT:
      case k.BTF_KIND_STRUCT:
      case k.BTF_KIND_UNION:
      case k.BTF_KIND_ENUM:
      case k.BTF_KIND_ENUM64:
      case k.BTF_KIND_DATASEC:
      case k.BTF_KIND_FLOAT:
        return scale(btf.sizeOrType(at), elements)
      case k.BTF_KIND_PTR:
        return scale(POINTER_BYTES, elements)
      case k.BTF_KIND_ARRAY: {
        const { type, count } = btf.array(at)
        elements *= count
        if (elements > UINT32_MAX) return -E2BIG
        at = type
        break
      }
      case k.BTF_KIND_TYPEDEF:
      case k.BTF_KIND_VAR:
      case k.BTF_KIND_DECL_TAG:
        at = btf.sizeOrType(at)
        break
      default:
        if (!MODIFIERS.has(kind)) return -EINVAL
        at = btf.sizeOrType(at)
    }
  }
  return -EINVAL
}

function scale(sizeBytes: number, elements: number): number {
  const total = sizeBytes * elements
  return total > UINT32_MAX ? -E2BIG : total
}

/** Alignment of a type in bytes; 0 for types without one and for cycles. */
export function alignmentOf(btf: Btf, id: number): number {
  return align(btf, id, new Map(), 0)
}

/** `known` keeps each struct's answer, so that shared members are not walked again for each use. */
function align(btf: Btf, id: number, known: Map<number, number>, depth: number): number {
  if (depth > DEPTH_LIMIT) return 0
  const earlier = known.get(id)
  if (earlier !== undefined) return earlier
  known.set(id, 0)
  const result = alignFresh(btf, id, known, depth)
  known.set(id, result)
  return result
}

function alignFresh(btf: Btf, id: number, known: Map<number, number>, depth: number): number {
  const kind = btf.kind(id)
  switch (kind) {
    case k.BTF_KIND_INT:
    case k.BTF_KIND_ENUM:
    case k.BTF_KIND_ENUM64:
    case k.BTF_KIND_FLOAT:
      return Math.min(POINTER_BYTES, btf.sizeOrType(id))
    case k.BTF_KIND_PTR:
      return POINTER_BYTES
    case k.BTF_KIND_ARRAY:
      return align(btf, btf.array(id).type, known, depth + 1)
    case k.BTF_KIND_STRUCT:
    case k.BTF_KIND_UNION:
      return alignComposite(btf, id, known, depth)
    default:
      if (kind !== k.BTF_KIND_TYPEDEF && !MODIFIERS.has(kind)) return 0
      return align(btf, btf.sizeOrType(id), known, depth + 1)
  }
}

/** The strictest member's alignment, or 1 when a member's place shows that the struct is packed. */
function alignComposite(btf: Btf, id: number, known: Map<number, number>, depth: number): number {
  let strictest = 1
  for (let index = 0; index < btf.vlen(id); index++) {
    const member = btf.member(id, index)
    const own = align(btf, member.type, known, depth + 1)
    if (own <= 0) return 0
    strictest = Math.max(strictest, own)
    if (member.bitfieldBits === 0 && member.bitOffset % (8 * own)) return 1
  }
  return btf.sizeOrType(id) % strictest ? 1 : strictest
}
