/** The simplest map that answers as Linux does: what the real ones are compared with. */
import { E2BIG, EEXIST, EINVAL, ENOENT } from '#shared/uapi/errno.js'

export interface ModelMap {
  update(key: Uint8Array, value: Uint8Array, flags: number): number
  delete(key: Uint8Array): number
  lookup(key: Uint8Array): Uint8Array | null
  /** Every key present. */
  keys(): string[]
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export class ModelHash implements ModelMap {
  readonly #values = new Map<string, Uint8Array>()
  constructor(readonly maxEntries: number) {}

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags > 2) return -EINVAL
    const present = this.#values.has(hex(key))
    if (present && flags === 1) return -EEXIST
    if (!present && flags === 2) return -ENOENT
    if (!present && this.#values.size === this.maxEntries) return -E2BIG
    this.#values.set(hex(key), value.slice())
    return 0
  }

  delete(key: Uint8Array): number {
    return this.#values.delete(hex(key)) ? 0 : -ENOENT
  }

  lookup(key: Uint8Array): Uint8Array | null {
    return this.#values.get(hex(key)) ?? null
  }

  keys(): string[] {
    return [...this.#values.keys()]
  }
}

export class ModelArray implements ModelMap {
  readonly #values: Uint8Array[]
  constructor(
    readonly maxEntries: number,
    valueBytes: number,
  ) {
    this.#values = Array.from({ length: maxEntries }, () => new Uint8Array(valueBytes))
  }

  #index(key: Uint8Array): number {
    return new DataView(key.buffer, key.byteOffset).getUint32(0, true)
  }

  update(key: Uint8Array, value: Uint8Array, flags: number): number {
    if (flags > 2) return -EINVAL
    if (this.#index(key) >= this.maxEntries) return -E2BIG
    if (flags === 1) return -EEXIST
    this.#values[this.#index(key)] = value.slice()
    return 0
  }

  delete(): number {
    return -EINVAL
  }

  lookup(key: Uint8Array): Uint8Array | null {
    return this.#values[this.#index(key)] ?? null
  }

  keys(): string[] {
    return this.#values.map((_, index) => hex(new Uint8Array(Uint32Array.of(index).buffer)))
  }
}
