const U64_BITS = 64

/** A caller's __u64, number or bigint, as 64 bits; 0 for anything else. */
export function toU64(value: number | bigint | null | undefined): bigint {
  if (typeof value === 'bigint') return BigInt.asUintN(U64_BITS, value)
  return Number.isInteger(value) ? BigInt.asUintN(U64_BITS, BigInt(value as number)) : 0n
}
