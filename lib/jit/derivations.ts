/**
 * How the values in the registers came about, within one block: which registers hold equal values, which value is
 * another one shifted, which is a sum. Patterns of several instructions become the one that WebAssembly has.
 */
import { REGISTERS } from '../../shared/isa/opcodes.js'

/** left + right + offset; the two registers still hold what was added. */
export interface Sum {
  readonly left: number
  readonly right: number
  readonly offset: number
}

interface SumFact extends Sum {
  readonly leftVersion: number
  readonly rightVersion: number
}

const OFFSET_MAX = 1 << 20

export class Derivations {
  /** Registers of equal version hold equal values. */
  readonly #version = new Int32Array(REGISTERS)
  /** The value is that of version #shifted, shifted left by #left bits (0: no such fact) or right by #right bits. */
  readonly #shifted = new Int32Array(REGISTERS)
  readonly #left = new Uint8Array(REGISTERS)
  readonly #right = new Uint8Array(REGISTERS)
  readonly #sum: (SumFact | null)[] = new Array(REGISTERS).fill(null)
  #next = 0

  /** Nothing is known of any register. */
  reset(): void {
    for (let register = 0; register < REGISTERS; register++) this.written(register)
  }

  /** The register holds a new value. */
  written(register: number): void {
    this.#version[register] = ++this.#next
    this.#left[register] = 0
    this.#right[register] = 0
    this.#sum[register] = null
  }

  /** The register holds what another one holds; apply after the write. A left shift stays the other's alone. */
  copied(to: number, from: number): void {
    this.#version[to] = this.#version[from]
    this.#shifted[to] = this.#shifted[from]
    this.#right[to] = this.#right[from]
    this.#sum[to] = this.#sum[from]
  }

  version(register: number): number {
    return this.#version[register]
  }

  /** The register holds the value of `version` shifted by `bits`; apply after the write. */
  shifted(register: number, version: number, direction: 'left' | 'right', bits: number): void {
    this.#shifted[register] = version
    if (direction === 'left') this.#left[register] = bits
    else this.#right[register] = bits
  }

  /** By how many bits the register's value has been shifted left, 0 when that is not known. */
  leftShift(register: number): number {
    return this.#left[register]
  }

  /** When `a | b` is a rotation of the value that `a` was before its left shift: by how many bits; else 0. */
  rotation(a: number, b: number): number {
    const bits = this.#left[a]
    return bits > 0 && bits + this.#right[b] === 64 && this.#shifted[a] === this.#shifted[b] ? bits : 0
  }

  /** Before `to += from`: what `to` will be, in registers that the addition leaves alone; null when there is none. */
  sumOf(to: number, from: number): Sum | null {
    const version = this.#version[to]
    for (let left = 0; left < REGISTERS; left++) {
      if (left !== to && this.#version[left] === version && from !== to) return { left, right: from, offset: 0 }
    }
    return null
  }

  /** The register holds `sum`; apply after the write. */
  added(register: number, sum: Sum | null): void {
    if (sum === null) return
    const { left, right } = sum
    this.#sum[register] = { ...sum, leftVersion: this.#version[left], rightVersion: this.#version[right] }
  }

  /** The register's value plus `offset` as a sum of two others, or null. */
  sum(register: number, offset: number): Sum | null {
    const fact = this.#sum[register]
    if (fact === null || Math.abs(fact.offset + offset) > OFFSET_MAX) return null
    const { left, right, leftVersion, rightVersion } = fact
    if (this.#version[left] !== leftVersion || this.#version[right] !== rightVersion) return null
    return { left, right, offset: fact.offset + offset }
  }
}
