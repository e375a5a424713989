/**
 * Ways to damage an object, and what libbpf answers to each. The answers were taken from libbpf 1.1.2 with libelf 0.188
 * (bpf_object__open_mem on the same bytes).
 */
import { Patient } from './support.js'

export interface Damage {
  readonly name: string
  /** What libbpf answers; 0 when it does not mind. */
  readonly errno: number
  readonly apply: (patient: Patient) => Patient | Uint8Array
}

const LIBELF = -4000
const FORMAT = -4001
const RELOC = -4005
const EINVAL = -22
const ENOENT = -2
const EOPNOTSUPP = -95

/** Offsets in a section header. */
const SH = { name: 0, type: 4, offset: 24, size: 32, link: 40, info: 44, entrySize: 56 }
/** Offsets in a symbol. */
const SYM = { name: 0, info: 4, other: 5, section: 6, value: 8, size: 16 }

const damage = (name: string, errno: number, apply: Damage['apply']): Damage => ({ name, errno, apply })

const header = (section: string, field: keyof typeof SH, value: number, errno: number): Damage =>
  damage(`${section} header ${field} = ${value}`, errno, (p) => {
    const at = p.headerOf(section) + SH[field]
    return field === 'offset' || field === 'size' || field === 'entrySize' ? p.u64(at, value) : p.u32(at, value)
  })

const symbol = (name: string, field: keyof typeof SYM, value: number, errno: number): Damage =>
  damage(`symbol ${name} ${field} = ${value}`, errno, (p) => {
    const at = p.symbolAt(name) + SYM[field]
    if (field === 'name') return p.u32(at, value)
    if (field === 'info' || field === 'other') return p.u8(at, value)
    return field === 'section' ? p.u16(at, value) : p.u64(at, value)
  })

const inside = (section: string, at: number, value: number, errno: number): Damage =>
  damage(`${section} + ${at} = ${value}`, errno, (p) => p.u32(p.section(section).offset + at, value))

/** Damages of compilers/clang-14. */
export const damages: readonly Damage[] = [
  damage('empty file', EINVAL, () => new Uint8Array(0)),
  damage('one byte', FORMAT, (p) => p.bytes.subarray(0, 1)),
  damage('identification only', LIBELF, (p) => p.bytes.subarray(0, 16)),
  damage('header cut short', LIBELF, (p) => p.bytes.subarray(0, 63)),
  damage('header only', FORMAT, (p) => p.bytes.subarray(0, 64)),
  damage('half of the file', FORMAT, (p) => p.bytes.subarray(0, p.bytes.length >> 1)),
  damage('last byte missing', FORMAT, (p) => p.bytes.subarray(0, -1)),
  damage('bad magic', FORMAT, (p) => p.u8(0, 0)),
  damage('32 bits', FORMAT, (p) => p.u8(4, 1)),
  damage('unknown class', FORMAT, (p) => p.u8(4, 9)),
  damage('big-endian flag on little-endian file', FORMAT, (p) => p.u8(5, 2)),
  damage('no encoding', FORMAT, (p) => p.u8(5, 0)),
  damage('identification version 0', FORMAT, (p) => p.u8(6, 0)),
  damage('executable', FORMAT, (p) => p.u16(16, 2)),
  damage('x86-64 machine', FORMAT, (p) => p.u16(18, 62)),
  damage('no machine, as old compilers wrote', 0, (p) => p.u16(18, 0)),
  damage('section headers far outside', FORMAT, (p) => p.u64(40, 2 ** 40)),
  damage('section headers at the start of the file', ENOENT, (p) => p.u64(40, 0)),
  damage('60000 sections', FORMAT, (p) => p.u16(60, 60000)),
  damage('name table outside', FORMAT, (p) => p.u16(62, 500)),
  damage('name table is no string table', FORMAT, (p) => p.u16(62, p.section('xdp').index)),
  header('.symtab', 'type', 0, ENOENT),
  header('.symtab', 'offset', 2 ** 30, FORMAT),
  header('.symtab', 'size', 25, FORMAT),
  header('.symtab', 'size', 0, ENOENT),
  header('.symtab', 'entrySize', 7, FORMAT),
  header('.symtab', 'link', 200, FORMAT),
  header('.strtab', 'size', 2 ** 33, FORMAT),
  header('.strtab', 'size', 0, FORMAT),
  header('xdp', 'name', 0xffffff, FORMAT),
  header('xdp', 'offset', 2 ** 52, FORMAT),
  header('xdp', 'size', 12, FORMAT),
  header('.relxdp', 'entrySize', 24, FORMAT),
  header('.relxdp', 'info', 200, FORMAT),
  header('.relxdp', 'size', 17, FORMAT),
  header('.maps', 'size', 1, EINVAL),
  header('.maps', 'size', 0, ENOENT),
  header('.data', 'type', 8, RELOC),
  header('.bss', 'size', 2 ** 30, 0),
  header('license', 'size', 0, FORMAT),
  header('license', 'type', 8, FORMAT),
  header('.BTF', 'type', 8, FORMAT),
  header('.BTF', 'size', 0, EINVAL),
  header('.BTF.ext', 'size', 8, EINVAL),
  inside('.BTF', 0, 0x0001eb9e, EINVAL),
  inside('.BTF', 4, 8, EINVAL),
  inside('.BTF', 4, 1 << 20, EINVAL),
  inside('.BTF', 8, 2, EINVAL),
  inside('.BTF', 12, 8, EINVAL),
  inside('.BTF', 16, 4, EINVAL),
  inside('.BTF', 20, 0, EINVAL),
  inside('.BTF', 28, 31 * 2 ** 24, EINVAL),
  inside('.BTF.ext', 0, 1, EINVAL),
  inside('.relxdp', 0, 2 ** 20, FORMAT),
  inside('.relxdp', 0, 4, FORMAT),
  inside('.relxdp', 12, 9999, FORMAT),
  inside('.relxdp', 12, 0, RELOC),
  symbol('first', 'name', 2 ** 20, FORMAT),
  symbol('first', 'value', 4, EINVAL),
  symbol('first', 'value', 2 ** 32, FORMAT),
  symbol('first', 'size', 12, EINVAL),
  symbol('first', 'size', 0, EINVAL),
  symbol('first', 'size', 2 ** 32, FORMAT),
  symbol('first', 'info', 2, EOPNOTSUPP),
  symbol('masked', 'section', 0, RELOC),
  symbol('masked', 'section', 900, FORMAT),
  symbol('masked', 'value', 4, EINVAL),
  symbol('counts', 'info', 1, ENOENT),
  symbol('counts', 'section', 0xfff1, FORMAT),
  symbol('counts', 'value', 4, 0),
  symbol('total', 'info', 16, ENOENT),
  symbol('weight', 'section', 0xfff2, FORMAT),
  symbol('weight', 'other', 2, 0),
]

/** The damaged bytes. */
export function applyDamage(original: Uint8Array, { apply }: Damage): Uint8Array {
  const result = apply(new Patient(original))
  return result instanceof Patient ? result.bytes : result
}
