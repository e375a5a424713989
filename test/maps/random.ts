/** A seeded generator, so that a printed seed replays a run. */
export class Random {
  #state: number
  readonly seed: number

  constructor(seed = Number(process.env.SEED) || Math.floor(Math.random() * 2 ** 32)) {
    this.seed = seed
    this.#state = seed >>> 0
  }

  u32(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 16), 0x45d9f3b)
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
    return (x ^ (x >>> 16)) >>> 0
  }

  below(limit: number): number {
    return this.u32() % limit
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256))
  }
}
