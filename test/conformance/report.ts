/** What every conformance suite reports. */

export interface Difference {
  readonly id: string
  readonly expected: string
  readonly got: string
  /** Where the difference comes from, as far as the suite can tell. */
  readonly cause: string
}

export interface Report {
  readonly suite: string
  readonly total: number
  readonly agree: number
  readonly differ: readonly Difference[]
  readonly skipped: readonly { readonly id: string; readonly why: string }[]
}

/** One suite: reads its data file's lines (or the default file's) and judges each row. */
export interface Suite {
  readonly name: string
  readonly what: string
  /** Data file beside the repository, in ../shared/conformance. */
  readonly data: string
  run(lines: readonly string[]): Promise<Report> | Report
}

/** Counts rows as they are judged: every row is told to exactly one of agree(), differ() and skip(). */
export class Tally {
  #agree = 0
  readonly #differ: Difference[] = []
  readonly #skipped: { id: string; why: string }[] = []

  agree(): void {
    this.#agree++
  }

  differ(difference: Difference): void {
    this.#differ.push(difference)
  }

  skip(id: string, why: string): void {
    this.#skipped.push({ id, why })
  }

  report(suite: string): Report {
    const total = this.#agree + this.#differ.length + this.#skipped.length
    return { suite, total, agree: this.#agree, differ: this.#differ, skipped: this.#skipped }
  }
}
