/** The machine's memory as typed arrays. They never go stale: the memory never grows. */
export interface Views {
  readonly memory: WebAssembly.Memory
  readonly u8: Uint8Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly u64: BigUint64Array
  readonly data: DataView
}

/** Views of the whole of `memory`. */
export function viewsOf(memory: WebAssembly.Memory): Views {
  const { buffer } = memory
  return {
    memory,
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    u64: new BigUint64Array(buffer),
    data: new DataView(buffer),
  }
}

/** Index in `i32` or `u32` of the word at `address`. */
export function word(address: number): number {
  return address >>> 2
}
