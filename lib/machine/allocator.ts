/** Every block starts and ends on a multiple of this. */
const GRAIN_BYTES = 16
/** Size classes per power of two. */
const CLASSES_PER_DOUBLING = 4
/** Candidates looked at in the class a request itself falls into, where blocks may be too small. */
const FIT_CANDIDATES = 16

interface Block {
  start: number
  end: number
}

const roundUp = (value: number, align: number): number => Math.ceil(value / align) * align

function classOf(bytes: number): number {
  const exponent = Math.floor(Math.log2(bytes))
  return exponent * CLASSES_PER_DOUBLING + Math.floor((bytes / 2 ** exponent - 1) * CLASSES_PER_DOUBLING)
}

/**
 * Allocates ranges of the shared heap. Only the main thread allocates, so what it knows about blocks lives outside the
 * shared memory and no program can damage it. Free neighbours merge at once; a request takes a good fit, preferring
 * small blocks, so that the untouched end of the heap stays untouched.
 */
export class Allocator {
  readonly start: number
  readonly end: number
  readonly #used = new Map<number, number>()
  readonly #freeByStart = new Map<number, Block>()
  readonly #freeByEnd = new Map<number, Block>()
  readonly #classes: Set<Block>[] = []
  #usedBytes = 0
  #highWater: number

  constructor(start: number, end: number) {
    this.start = roundUp(start, GRAIN_BYTES)
    this.end = end - (end % GRAIN_BYTES)
    this.#highWater = this.start
    if (this.end > this.start) this.#addFree(this.start, this.end)
  }

  /** Bytes allocated now, rounding included. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Blocks allocated now. */
  get blocks(): number {
    return this.#used.size
  }

  /** End of the highest block ever allocated: above it the heap was never touched. */
  get highWater(): number {
    return this.#highWater
  }

  /**
   * Address of `bytes` bytes at a multiple of `align` (a power of two), or 0 when there is no room. The contents are
   * whatever the last owner left.
   */
  allocate(bytes: number, align: number = GRAIN_BYTES): number {
    if (!(bytes >= 0) || bytes > this.end - this.start) return 0
    const size = Math.max(roundUp(bytes, GRAIN_BYTES), GRAIN_BYTES)
    const block = this.#find(size, align)
    if (!block) return 0
    const address = roundUp(block.start, align)
    this.#removeFree(block)
    if (address > block.start) this.#addFree(block.start, address)
    if (address + size < block.end) this.#addFree(address + size, block.end)
    this.#used.set(address, size)
    this.#usedBytes += size
    this.#highWater = Math.max(this.#highWater, address + size)
    return address
  }

  /** Gives back what allocate() returned. Throws when it is not the address of a block in use. */
  free(address: number): void {
    const size = this.#used.get(address)
    if (size === undefined) throw new Error(`free of ${address}, which is not allocated`)
    this.#used.delete(address)
    this.#usedBytes -= size
    let start = address
    let end = address + size
    const before = this.#freeByEnd.get(start)
    if (before) {
      this.#removeFree(before)
      start = before.start
    }
    const after = this.#freeByStart.get(end)
    if (after) {
      this.#removeFree(after)
      end = after.end
    }
    this.#addFree(start, end)
  }

  /** Bytes of the block at `address`, or undefined when it is not allocated. */
  sizeOf(address: number): number | undefined {
    return this.#used.get(address)
  }

  #find(size: number, align: number): Block | undefined {
    const fits = (block: Block) => roundUp(block.start, align) + size <= block.end
    let looked = 0
    let best: Block | undefined
    const own = classOf(size)
    for (const block of this.#classes[own] ?? []) {
      if (fits(block) && (!best || block.end - block.start < best.end - best.start)) best = block
      if (++looked >= FIT_CANDIDATES) break
    }
    for (let index = own + 1; !best && index < this.#classes.length; index++) {
      for (const block of this.#classes[index] ?? []) {
        if (!fits(block)) continue
        best = block
        break
      }
    }
    return best ?? this.#lastResort(own, fits)
  }

  /** The rest of the request's own class: slow, and better than being out of memory. */
  #lastResort(own: number, fits: (block: Block) => boolean): Block | undefined {
    for (const block of this.#classes[own] ?? []) if (fits(block)) return block
    return undefined
  }

  #addFree(start: number, end: number): void {
    const block = { start, end }
    this.#freeByStart.set(start, block)
    this.#freeByEnd.set(end, block)
    const index = classOf(end - start)
    this.#classes[index] ??= new Set()
    this.#classes[index].add(block)
  }

  #removeFree(block: Block): void {
    this.#freeByStart.delete(block.start)
    this.#freeByEnd.delete(block.end)
    this.#classes[classOf(block.end - block.start)].delete(block)
  }
}
