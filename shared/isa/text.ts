/**
 * Instructions as text, in the form of the kernel's verifier log and of bpftool: "(b7) r0 = 0". One template per row of
 * the instruction table serves both directions.
 */
import { type Code, encodeFields, type InsnFields } from './decode.js'
import { type InstructionRow, rowsOf } from './table.js'

/**
 * Placeholders of a template: d, s: registers dst and src, R or W before them says whether as r or w; o: offset with
 * its sign; i: immediate in decimal; x: in hexadecimal; X: 64 bits in hexadecimal; j, J: jump distance in off, in imm;
 * n: helper's name and number; k: kernel
 * function's name and BTF id.
 */
const PLACEHOLDER = /\{([RW]d|[RW]s|[oixXjJnk])\}/g

const SIGNS: Record<string, string> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  mod: '%=',
  smod: 's%=',
  or: '|=',
  and: '&=',
  xor: '^=',
  lsh: '<<=',
  rsh: '>>=',
  arsh: 's>>=',
}

const CONDITIONS: Record<string, string> = {
  eq: '==',
  ne: '!=',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
  sgt: 's>',
  sge: 's>=',
  slt: 's<',
  sle: 's<=',
  set: '&',
}

const plain = (row: InstructionRow): string => (row.width === 64 ? 'R' : 'W')
const unsigned = (row: InstructionRow): string => `u${row.bytes * 8}`

function atomicTemplate(row: InstructionRow): string {
  const place = `(${unsigned(row)} *)({Rd} {o})`
  if (!row.fetch) return `lock *${place} ${SIGNS[row.operation]} {Rs}`
  const prefix = row.width === 64 ? 'atomic64' : 'atomic'
  if (row.operation === 'cmpxchg') return `r0 = ${prefix}_cmpxchg(${place}, r0, {Rs})`
  const name = row.operation === 'xchg' ? 'xchg' : `fetch_${row.operation}`
  return `{Rs} = ${prefix}_${name}(${place}, {Rs})`
}

/** The text of a row, with placeholders; '' for instructions that have none. */
function templateOf(row: InstructionRow): string {
  const w = plain(row)
  const second = row.operand === 'reg' ? `{${w}s}` : '{i}'
  switch (row.kind) {
    case 'alu':
      return `{${w}d} ${SIGNS[row.operation]} ${second}`
    case 'mov':
      return `{${w}d} = ${second}`
    case 'movsx':
      return `{${w}d} = (s${row.bytes * 8}){${w}s}`
    case 'neg':
      return `{${w}d} = -{${w}d}`
    case 'swap':
      return `{Rd} = ${row.operation}${row.bytes * 8} {Rd}`
    case 'load':
      return `{Rd} = *(${unsigned(row)} *)({Rs} {o})`
    case 'loadSigned':
      return `{Rd} = *(s${row.bytes * 8} *)({Rs} {o})`
    case 'store':
      return `*(${unsigned(row)} *)({Rd} {o}) = {Rs}`
    case 'storeImm':
      return `*(${unsigned(row)} *)({Rd} {o}) = {i}`
    case 'atomic':
      return atomicTemplate(row)
    case 'loadAcquire':
      return `{Rd} = load_acquire((${unsigned(row)} *)({Rs} {o}))`
    case 'storeRelease':
      return `store_release((${unsigned(row)} *)({Rd} {o}), {Rs})`
    case 'packetLoad':
      return `r0 = *(${unsigned(row)} *)skb[${row.operand === 'reg' ? '{Rs} + {i}' : '{i}'}]`
    case 'imm64':
      return '{Rd} = {X}'
    case 'branch':
      return `if {${w}d} ${CONDITIONS[row.operation]} ${row.operand === 'reg' ? `{${w}s}` : '{x}'} goto pc{j}`
    case 'jump':
      return row.name === 'gotol' ? 'gotol pc{J}' : 'goto pc{j}'
    case 'mayGoto':
      return 'may_goto pc{j}'
    case 'callHelper':
      return 'call {n}'
    case 'callLocal':
      return 'call pc{J}'
    case 'callKfunc':
      return 'call {k}'
    case 'callRegister':
      return 'callx {Rd}'
    case 'exit':
      return 'exit'
  }
}

const templates = new Map<InstructionRow, string>()

function cachedTemplate(row: InstructionRow): string {
  let template = templates.get(row)
  if (template === undefined) {
    template = templateOf(row)
    templates.set(row, template)
  }
  return template
}

const withSign = (value: number): string => (value < 0 ? `${value}` : `+${value}`)
const register = (letter: string, number: number): string => `${letter === 'R' ? 'r' : 'w'}${number}`

export interface TextOptions {
  /** The name of helper `id`; default "unknown". */
  readonly helperName?: (id: number) => string
  /** The name of the kernel function with this BTF id; default empty, as in the kernel's log. */
  readonly kfuncName?: (btfId: number) => string
}

/** Text of the instruction at `i`, without its index: "(85) call bpf_ktime_get_ns#5". */
export function disassemble(code: Code, i: number, options: TextOptions = {}): string {
  const prefix = `(${code.opcode[i].toString(16).padStart(2, '0')}) `
  const row = code.rows[i]
  if (!row) return `${prefix}BUG_${code.opcode[i].toString(16).padStart(2, '0')}`
  const imm = code.imm[i]
  const text = cachedTemplate(row).replace(PLACEHOLDER, (_all, token: string) => {
    switch (token) {
      case 'o':
      case 'j':
        return withSign(code.off[i])
      case 'J':
        return withSign(imm)
      case 'i':
        return `${imm}`
      case 'x':
        return `0x${(imm >>> 0).toString(16)}`
      case 'X':
        return `0x${((BigInt(code.imm[i + 1] >>> 0) << 32n) | BigInt(imm >>> 0)).toString(16)}`
      case 'n':
        return `${options.helperName?.(imm) ?? 'unknown'}#${imm}`
      case 'k':
        return `${options.kfuncName?.(imm) ?? ''}#${imm}`
      default:
        return register(token[0], token[1] === 'd' ? code.dst[i] : code.src[i])
    }
  })
  return prefix + text
}

const CAPTURES: Record<string, string> = {
  Rd: 'r(?<d>\\d+)',
  Wd: 'w(?<d>\\d+)',
  Rs: 'r(?<s>\\d+)',
  Ws: 'w(?<s>\\d+)',
  o: '(?<o>[+-]\\d+)',
  j: '(?<o>[+-]\\d+)',
  J: '(?<i>[+-]\\d+)',
  i: '(?<i>-?\\d+)',
  x: '(?<i>0x[0-9a-f]+)',
  X: '(?<X>0x[0-9a-f]+)',
  n: '\\S+#(?<i>-?\\d+)',
  k: '#(?<i>-?\\d+)',
}

const patterns = new Map<InstructionRow, RegExp>()

function patternOf(row: InstructionRow): RegExp {
  const known = patterns.get(row)
  if (known) return known
  const seen = new Set<string>()
  const source = cachedTemplate(row)
    .split(/(\{[A-Za-z]+\})/)
    .map((part) => {
      if (!part.startsWith('{')) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')
      const token = part.slice(1, -1)
      const group = token.slice(-1)
      // A field that is named twice must be the same twice.
      if (seen.has(group)) return `[rw]\\k<${group}>`
      seen.add(group)
      return CAPTURES[token]
    })
    .join('')
  const pattern = new RegExp(`^${source}$`)
  patterns.set(row, pattern)
  return pattern
}

function fieldsOf(row: InstructionRow, groups: Record<string, string | undefined>): InsnFields {
  const wide = groups.X === undefined ? 0n : BigInt(groups.X)
  const fields: InsnFields = {
    opcode: row.opcode,
    dst: Number(groups.d ?? 0),
    src: Number(groups.s ?? 0),
    off: Number(groups.o ?? 0),
    imm: (Number(groups.i ?? 0) | 0) + Number(BigInt.asIntN(32, wide)),
    high: Number(BigInt.asIntN(32, wide >> 32n)),
  }
  return row.selector ? { ...fields, [row.selector.field]: row.selector.value } : fields
}

/**
 * Assembles one line of disassemble()'s text; the index and what follows a ';' may stand around it. Null when it is no
 * instruction. The source of an ld_imm64 does not show in its text: it becomes a plain constant; and a call by name
 * becomes a helper's, since nothing tells a kernel function's name from it.
 */
export function assemble(line: string): Uint8Array | null {
  const match = /^\s*(?:\d+:\s*)?\(([0-9a-f]{2})\) (.*?)\s*(?:;.*)?$/.exec(line)
  if (!match) return null
  for (const row of rowsOf(Number.parseInt(match[1], 16))) {
    const groups = patternOf(row).exec(match[2])
    if (groups) return encodeFields(fieldsOf(row, groups.groups ?? {}), row.kind === 'imm64')
  }
  return null
}
