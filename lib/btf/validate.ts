/** Checks that every reference inside a BTF blob leads somewhere: names to strings, types to types. */
import { EINVAL } from '../../shared/uapi/errno.js'
import { refuse } from '../elf/failure.js'
import type { Btf } from './btf.js'
import * as k from './constants.js'

/** Kinds whose third word is a type number. */
const REFERRING: ReadonlySet<number> = new Set([
  k.BTF_KIND_PTR,
  k.BTF_KIND_TYPEDEF,
  k.BTF_KIND_VOLATILE,
  k.BTF_KIND_CONST,
  k.BTF_KIND_RESTRICT,
  k.BTF_KIND_VAR,
  k.BTF_KIND_DECL_TAG,
  k.BTF_KIND_TYPE_TAG,
  k.BTF_KIND_FUNC,
  k.BTF_KIND_FUNC_PROTO,
])

/** Refuses the first type with a reference that leads nowhere. */
export function validateTypes(btf: Btf): void {
  for (let id = btf.firstType; id < btf.typeCount; id++) validateType(btf, id)
}

function validateType(btf: Btf, id: number): void {
  const kind = btf.kind(id)
  checkString(btf, btf.nameOffset(id), 'type name', id)
  if (REFERRING.has(kind)) checkType(btf, btf.sizeOrType(id), id)
  if (kind === k.BTF_KIND_FUNC) checkPrototype(btf, id)
  if (kind === k.BTF_KIND_ARRAY) {
    const { type, indexType } = btf.array(id)
    checkType(btf, type, id)
    checkType(btf, indexType, id)
  }
  validateParts(btf, id, kind)
}

function validateParts(btf: Btf, id: number, kind: number): void {
  const count = btf.vlen(id)
  switch (kind) {
    case k.BTF_KIND_STRUCT:
    case k.BTF_KIND_UNION:
      for (let i = 0; i < count; i++) {
        const { nameOffset, type } = btf.member(id, i)
        checkString(btf, nameOffset, 'field name', id)
        checkType(btf, type, id)
      }
      break
    case k.BTF_KIND_ENUM:
    case k.BTF_KIND_ENUM64: {
      const each = kind === k.BTF_KIND_ENUM ? 8 : 12
      for (let i = 0; i < count; i++) checkString(btf, btf.word(id, k.BTF_TYPE_BYTES + i * each), 'enumerator name', id)
      break
    }
    case k.BTF_KIND_FUNC_PROTO:
      for (let i = 0; i < count; i++) {
        const { nameOffset, type } = btf.parameter(id, i)
        checkString(btf, nameOffset, 'param name', id)
        checkType(btf, type, id)
      }
      break
    case k.BTF_KIND_DATASEC:
      for (let i = 0; i < count; i++) checkType(btf, btf.variable(id, i).type, id)
  }
}

function checkPrototype(btf: Btf, id: number): void {
  const prototype = btf.sizeOrType(id)
  if (btf.kind(prototype) !== k.BTF_KIND_FUNC_PROTO) {
    refuse(EINVAL, `btf: type [${id}]: referenced type [${prototype}] is not FUNC_PROTO`)
  }
}

function checkString(btf: Btf, offset: number, what: string, id: number): void {
  if (offset >= btf.stringEnd) refuse(EINVAL, `btf: type [${id}]: invalid ${what} (string offset ${offset})`)
}

function checkType(btf: Btf, reference: number, id: number): void {
  if (!btf.has(reference)) refuse(EINVAL, `btf: type [${id}]: invalid referenced type ID ${reference}`)
}
