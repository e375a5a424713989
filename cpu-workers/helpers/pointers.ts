/** How pointers are printed: hashed, plain, as symbols, and what they point to as internet addresses. */
import { symbolAt } from '../../shared/kernel/hooks.js'

/** Error pointers: the last 4,095 addresses. */
const ERROR_POINTERS_FROM = 0xfffff001
const HASH_MULTIPLIERS = [0x85ebca6b, 0xc2b2ae35] as const
/** The same for all threads of a process, different in each process. */
const secret = (process.pid * 2654435761) >>> 0

/** A number of 32 bits that stands for an address, so that lines can be compared without showing addresses. */
function hash(low: number, high: number): number {
  let h = secret ^ low
  for (const [i, multiplier] of HASH_MULTIPLIERS.entries()) {
    h = Math.imul(h ^ (h >>> 16), multiplier) ^ (i === 0 ? high : 0)
    h ^= h >>> 13
  }
  return (h ^ (h >>> 16)) >>> 0
}

const hex = (value: number) => (value >>> 0).toString(16)
const wide = (low: number, high: number) => (high === 0 ? hex(low) : hex(high) + hex(low).padStart(8, '0'))

/** Hexadecimal digits of an address: itself when `plain`, NULL or an error pointer, else its hash. */
export function pointerDigits(low: number, high: number, plain: boolean): string {
  const isNull = low === 0 && high === 0
  const isError = high === 0xffffffff && low >= ERROR_POINTERS_FROM
  return plain || isNull || isError ? wide(low, high) : hex(hash(low, high))
}

/** The kernel symbol at an address, with "+0x<offset>/0x<size>" when asked for; 0x<address> when there is none. */
export function symbolText(low: number, high: number, withOffset: boolean): string {
  const found = symbolAt(low, high)
  if (!found) return `0x${wide(low, high)}`
  return withOffset ? `${found.symbol}+0x${hex(found.offset)}/0x${hex(found.sizeBytes)}` : found.symbol
}

/** 4 or 16 bytes as an internet address; `separated`: %pI4 and %pI6, else the dense forms of %pi4 and %pi6. */
export function ipText(bytes: Uint8Array, count: number, separated: boolean): string {
  const list = Array.from(bytes.subarray(0, count))
  if (count === 4) return list.map((byte) => (separated ? `${byte}` : `${byte}`.padStart(3, '0'))).join('.')
  const digits = list.map((byte) => hex(byte).padStart(2, '0')).join('')
  return separated ? (digits.match(/.{4}/g) as string[]).join(':') : digits
}
