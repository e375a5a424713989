/** A seeded generator of random numbers (xorshift32): the same seed gives the same test. */
export class Random {
  #state: number

  constructor(readonly seed: number) {
    this.#state = seed | 0 || 1
  }

  /** 32 random bits, unsigned. */
  next(): number {
    let x = this.#state
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#state = x
    return x >>> 0
  }

  /** 0 <= result < limit. */
  below(limit: number): number {
    return this.next() % limit
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]
  }
}

/** The seed of a randomised test: SEED of the environment, or a new one. */
export function testSeed(): number {
  return process.env.SEED ? Number(process.env.SEED) : Date.now() & 0x7fffffff || 1
}
