/**
 * What the compiler knows of registers without proof: that one holds r10 plus a constant, a map, the context, or a
 * constant. A forward analysis over the blocks; it only ever makes code better, never decides whether it is allowed.
 */
import type { Code } from '../../shared/isa/decode.js'
import { FRAME_REGISTER, PseudoSource, REGISTERS } from '../../shared/isa/opcodes.js'
import type { Cfg } from './cfg.js'

/** unseen: no path analysed so far reaches here. */
export const Known = {
  unseen: 0,
  nothing: 1,
  stack: 2,
  map: 3,
  context: 4,
  constant: 5,
  function: 6,
  mapValue: 7,
} as const

/**
 * One fact per register: its kind and a number (stack: offset from r10; map: the imm of its ld_imm64; context: offset;
 * constant: a value that fits a signed 32-bit number, sign-extended to 64; function: its first instruction;
 * mapValue: the ld_imm64 of an address in a map's value).
 */
export class RegisterFacts {
  readonly kind: Uint8Array
  readonly value: Int32Array

  constructor() {
    this.kind = new Uint8Array(REGISTERS).fill(Known.nothing)
    this.value = new Int32Array(REGISTERS)
    this.kind[FRAME_REGISTER] = Known.stack
  }

  set(register: number, kind: number, value: number): void {
    this.kind[register] = kind
    this.value[register] = value
  }

  forget(register: number): void {
    this.kind[register] = Known.nothing
  }

  /** Offset from r10 that a register holds, or null. */
  stackOffset(register: number): number | null {
    return this.kind[register] === Known.stack ? this.value[register] : null
  }
}

/** Calls leave r1 to r5 undefined. */
const LAST_CLOBBERED = 5
const OFFSET_LIMIT = 1 << 20

function stepAdd(facts: RegisterFacts, dst: number, amount: number, width: number): void {
  const kind = facts.kind[dst]
  const sum = facts.value[dst] + amount
  const keeps = width === 64 && (kind === Known.stack || kind === Known.context) && Math.abs(sum) < OFFSET_LIMIT
  if (keeps) facts.value[dst] = sum
  else facts.forget(dst)
}

function stepAlu(facts: RegisterFacts, code: Code, i: number): void {
  const row = code.rows[i]
  const dst = code.dst[i]
  if (row?.operation === 'add' && row.operand === 'imm') stepAdd(facts, dst, code.imm[i], row.width)
  else if (row?.operation === 'add' && facts.kind[code.src[i]] === Known.constant) {
    stepAdd(facts, dst, facts.value[code.src[i]], row.width)
  } else facts.forget(dst)
}

function stepMov(facts: RegisterFacts, code: Code, i: number): void {
  const row = code.rows[i]
  const dst = code.dst[i]
  const src = code.src[i]
  if (row?.operand === 'imm') {
    // A 32-bit move zero-extends: a negative number would not be its own sign extension.
    if (row.width === 64 || code.imm[i] >= 0) facts.set(dst, Known.constant, code.imm[i])
    else facts.forget(dst)
  } else if (row?.width === 64) facts.set(dst, facts.kind[src], facts.value[src])
  else if (facts.kind[src] === Known.constant && facts.value[src] >= 0) {
    facts.set(dst, Known.constant, facts.value[src])
  } else facts.forget(dst)
}

function stepImm64(facts: RegisterFacts, code: Code, i: number): void {
  const source = code.src[i]
  const low = code.imm[i]
  const high = code.imm[i + 1]
  if (source === PseudoSource.mapFd || source === PseudoSource.mapIndex) facts.set(code.dst[i], Known.map, i)
  else if (source === PseudoSource.mapValue || source === PseudoSource.mapIndexValue) {
    facts.set(code.dst[i], Known.mapValue, i)
  } else if (source === PseudoSource.function) facts.set(code.dst[i], Known.function, i + 1 + low)
  else if (source === PseudoSource.value && high === low >> 31) facts.set(code.dst[i], Known.constant, low)
  else facts.forget(code.dst[i])
}

/** Applies instruction `i` to `facts`. */
export function step(facts: RegisterFacts, code: Code, i: number): void {
  const row = code.rows[i]
  if (row === undefined) return
  const { kind, fields } = row
  if (kind === 'alu') stepAlu(facts, code, i)
  else if (kind === 'mov') stepMov(facts, code, i)
  else if (kind === 'imm64') stepImm64(facts, code, i)
  else if (kind === 'callHelper' || kind === 'callLocal' || kind === 'callKfunc' || kind === 'callRegister') {
    for (let r = 0; r <= LAST_CLOBBERED; r++) facts.forget(r)
  } else if (kind === 'packetLoad' || row.operation === 'cmpxchg') facts.forget(0)
  else {
    if (fields.dst === 'write' || fields.dst === 'update') facts.forget(code.dst[i])
    if (fields.src === 'update') facts.forget(code.src[i])
  }
}

/** Facts at the start of each block of one subprogram. */
export class BlockFacts {
  readonly #kind: Uint8Array
  readonly #value: Int32Array

  constructor(
    readonly code: Code,
    readonly cfg: Cfg,
    entry: RegisterFacts,
  ) {
    this.#kind = new Uint8Array(cfg.blocks * REGISTERS)
    this.#value = new Int32Array(cfg.blocks * REGISTERS)
    this.#merge(0, entry)
    this.#solve()
  }

  /** Copies the facts at the start of `block` into `facts`. */
  load(block: number, facts: RegisterFacts): void {
    const base = block * REGISTERS
    for (let r = 0; r < REGISTERS; r++) {
      facts.kind[r] = this.#kind[base + r]
      facts.value[r] = this.#value[base + r]
    }
  }

  #merge(block: number, facts: RegisterFacts): boolean {
    const base = block * REGISTERS
    let changed = false
    for (let r = 0; r < REGISTERS; r++) {
      const known = this.#kind[base + r]
      if (known === Known.nothing) continue
      if (known === Known.unseen) {
        this.#kind[base + r] = facts.kind[r]
        this.#value[base + r] = facts.value[r]
        changed = true
      } else if (known !== facts.kind[r] || this.#value[base + r] !== facts.value[r]) {
        this.#kind[base + r] = Known.nothing
        changed = true
      }
    }
    return changed
  }

  /** Passes in reverse postorder until a back edge changes nothing more. Each fact falls at most twice. */
  #solve(): void {
    const { cfg, code } = this
    const facts = new RegisterFacts()
    const dirty = new Uint8Array(cfg.blocks)
    dirty[0] = 1
    for (let again = true; again; ) {
      again = false
      for (let b = 0; b < cfg.blocks; b++) {
        if (dirty[b] === 0) continue
        dirty[b] = 0
        this.load(b, facts)
        for (let i = cfg.first[b]; i < cfg.past[b]; i++) step(facts, code, i)
        for (const to of [cfg.taken[b], cfg.fall[b]]) {
          if (to < 0 || !this.#merge(to, facts)) continue
          dirty[to] = 1
          if (to <= b) again = true
        }
      }
    }
  }
}
