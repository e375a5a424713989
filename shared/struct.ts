/**
 * Byte layouts of structures in shared memory. A structure is declared once as a list of fields in order; offsets
 * follow from the fields' sizes and natural alignment, so no offset is ever written by hand.
 */

/** A field: its size and alignment in bytes. */
export interface Field {
  readonly bytes: number
  readonly align: number
}

export const U8: Field = { bytes: 1, align: 1 }
export const U16: Field = { bytes: 2, align: 2 }
export const U32: Field = { bytes: 4, align: 4 }
export const U64: Field = { bytes: 8, align: 8 }

/** `count` consecutive fields of one kind. */
export function array(field: Field, count: number): Field {
  return { bytes: field.bytes * count, align: field.align }
}

/** Opaque bytes with an alignment of their own (a cache line, a page). */
export function blob(bytes: number, align = 1): Field {
  return { bytes, align }
}

/** Offset of each field, the structure's size (rounded up to its alignment) and its alignment. */
export type Layout<T extends Record<string, Field>> = { readonly [K in keyof T]: number } & {
  readonly $bytes: number
  readonly $align: number
}

export function alignUp(value: number, align: number): number {
  return Math.ceil(value / align) * align
}

/**
 * Lays out `fields` in order from `base`: with base 0 the offsets are relative to the structure, otherwise absolute.
 * `$bytes` is the size from `base`.
 */
export function layout<T extends Record<string, Field>>(fields: T, base = 0): Layout<T> {
  const offsets: Record<string, number> = {}
  let at = base
  let align = 1
  for (const [name, field] of Object.entries(fields)) {
    at = alignUp(at, field.align)
    offsets[name] = at
    at += field.bytes
    align = Math.max(align, field.align)
  }
  offsets.$bytes = alignUp(at, align) - base
  offsets.$align = align
  return offsets as Layout<T>
}
