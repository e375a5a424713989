/** Object ids, as BPF_*_GET_NEXT_ID and bpftool show them: from 1, cyclic, so that a number comes back late. */

const ID_MAX = 0x7fffffff

export class IdTable<T> {
  readonly #objects = new Map<number, T>()
  #next = 1

  /** Gives `object` the next free id. */
  allocate(object: T): number {
    while (this.#objects.has(this.#next)) this.#advance()
    const id = this.#next
    this.#objects.set(id, object)
    this.#advance()
    return id
  }

  #advance(): void {
    this.#next = this.#next === ID_MAX ? 1 : this.#next + 1
  }

  free(id: number): void {
    this.#objects.delete(id)
  }

  get(id: number): T | undefined {
    return this.#objects.get(id)
  }

  /** The smallest id above `after`; 0 when there is none. */
  next(after: number): number {
    let best = 0
    for (const id of this.#objects.keys()) if (id > after && (best === 0 || id < best)) best = id
    return best
  }

  get size(): number {
    return this.#objects.size
  }

  values(): IterableIterator<T> {
    return this.#objects.values()
  }
}
