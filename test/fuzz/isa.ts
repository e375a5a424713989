/** Generated programs: compiled in both modes, interpreted, and every fifth also run by the real kernel. */
import { checkStructure } from '#lib/verifier/structure.js'
import { decode } from '#shared/isa/decode.js'
import { BPF_PROG_TYPE_SOCKET_FILTER } from '#shared/uapi/bpf.js'
import { randomProgram, randomValue, VALUE_BYTES } from '#test/fuzz/generate.js'
import { Oracle, type OracleAnswer, oracleAvailable } from '#test/fuzz/oracle.js'
import { difference, firstChange, type Outcome, Rig } from '#test/fuzz/rig.js'
import {
  deadline,
  type FoundDifference,
  type FuzzOptions,
  type FuzzReport,
  type FuzzSuite,
  programSeed,
} from '#test/fuzz/run.js'
import { listing, shrink } from '#test/fuzz/shrink.js'
import { Random } from '#test/jit/random.js'

/** One program in this many is run by the kernel too, this many are asked at once. */
const KERNEL_EVERY = 5
const KERNEL_BATCH = 20
/** One program in this many is compiled in parts of about this many instructions. */
const SPLIT_EVERY = 4
const PART_INSNS = 6
const PACKET = '00'.repeat(64)
const KEY = '00000000'
const DIFFERENCES_MAX = 10

/** Changes what the compiler is given: tests break it with this on purpose. */
export type Tamper = (insns: Uint8Array) => Uint8Array

interface Case {
  readonly index: number
  readonly insns: Uint8Array
  readonly initial: Uint8Array
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A difference without its values: what a smaller program must still show. */
const kindOf = (what: string): string => what.replace(/ is .*|: [0-9a-f]* against [0-9a-f]*/, '')

class IsaFuzzer {
  readonly rig = new Rig()
  readonly found: FoundDifference[] = []
  readonly oracle: Oracle | null
  programs = 0
  refused = 0
  kernelPrograms = 0
  kernelAccepted = 0

  constructor(
    readonly options: FuzzOptions,
    readonly tamper: Tamper,
  ) {
    this.oracle = options.kernel && oracleAvailable() ? new Oracle() : null
  }

  make(index: number): Case {
    const random = new Random(programSeed(this.options.seed, index))
    const initial = randomValue(random)
    return { index, initial, insns: randomProgram(random) }
  }

  /** How the compiler and the interpreter differ, or null. */
  compare(insns: Uint8Array, initial: Uint8Array, partInsns?: number): string | null {
    const expected = this.rig.interpreted(insns, initial)
    if (expected.failure !== null) return `the interpreter: ${expected.failure}`
    for (const mode of ['checked', 'direct'] as const) {
      const apart = difference(this.rig.compiled(this.tamper(insns), initial, mode, partInsns), expected)
      if (apart) return `${mode}${partInsns ? ' in parts' : ''} against interpreter: ${apart}`
    }
    return null
  }

  /** Whether `candidate` still shows a difference of the kind that `what` is. */
  #stillDiffers(candidate: Uint8Array, initial: Uint8Array, what: string, partInsns?: number): boolean {
    if (checkStructure(candidate, { type: BPF_PROG_TYPE_SOCKET_FILTER }).errno !== 0) return false
    const now = this.compare(candidate, initial, partInsns)
    return now !== null && now.startsWith('the interpreter') === what.startsWith('the interpreter')
  }

  async tryOne(test: Case): Promise<void> {
    this.programs++
    const verdict = checkStructure(test.insns, { type: BPF_PROG_TYPE_SOCKET_FILTER })
    // Some programs are compiled as if their functions were too large for one.
    const partInsns = test.index % SPLIT_EVERY === 1 ? PART_INSNS : undefined
    const apart = () => this.compare(test.insns, test.initial, partInsns)
    const what = 'message' in verdict ? `refused: ${verdict.message}` : apart()
    if (what === null) return
    const candidate = (insns: Uint8Array) => this.#stillDiffers(insns, test.initial, what, partInsns)
    await this.#note(test, what, what.startsWith('refused') ? () => false : candidate)
  }

  async #note(test: Case, what: string, interesting: (insns: Uint8Array) => Promise<boolean> | boolean): Promise<void> {
    this.options.progress(`program ${test.index} differs: ${what}; shrinking`)
    const small = await shrink(test.insns, interesting)
    this.found.push({
      index: test.index,
      what,
      insns: hex(test.insns),
      shrunk: hex(small),
      text: listing(small),
    })
  }

  ask(insns: Uint8Array, initial: Uint8Array): Promise<OracleAnswer> {
    const code = decode(insns)
    const at = (name: string) => code.rows.flatMap((row, i) => (row?.name === name ? [i] : []))
    const map = {
      type: 'array',
      key_size: 4,
      value_size: VALUE_BYTES,
      max_entries: 1,
      fd_at: at('imm64.mapFd'),
      value_at: at('imm64.mapValue').map((i) => [i, code.imm[i + 1]]),
      entries: [{ key: KEY, value: hex(initial) }],
      lookup: [KEY],
    }
    return (this.oracle as Oracle).ask({
      insns: hex(insns),
      type: 'socket_filter',
      maps: [map],
      runs: [{ data: PACKET }],
    })
  }

  async askKernel(batch: readonly Case[]): Promise<void> {
    const answers = await Promise.all(batch.map(({ insns, initial }) => this.ask(insns, initial)))
    for (const [n, test] of batch.entries()) {
      this.kernelPrograms++
      const what = this.#againstKernel(test.insns, test.initial, answers[n])
      if (what === 'rejected') this.refused++
      else this.kernelAccepted++
      if (what === null || what === 'rejected') continue
      await this.#note(test, what, async (candidate) => {
        if (checkStructure(candidate, { type: BPF_PROG_TYPE_SOCKET_FILTER }).errno !== 0) return false
        const now = this.#againstKernel(candidate, test.initial, await this.ask(candidate, test.initial))
        return now !== null && kindOf(now) === kindOf(what)
      })
    }
  }

  #againstKernel(insns: Uint8Array, initial: Uint8Array, answer: OracleAnswer): string | null {
    if (answer.verdict !== 'accept') return 'rejected'
    const ours: Outcome = this.rig.compiled(this.tamper(insns), initial, 'direct')
    const r0 = Number(ours.r0 & 0xffffffffn)
    const theirs = answer.runs?.[0]?.retval
    if (ours.failure !== null) return `against the kernel: ${ours.failure}`
    if (r0 !== theirs) return `against the kernel: r0 is ${r0} against ${theirs}`
    const value = Buffer.from(answer.maps?.['0']?.[KEY] ?? '', 'hex')
    return Buffer.compare(value, ours.value) === 0
      ? null
      : `against the kernel: the map: ${firstChange(ours.value, value)}`
  }

  report(): FuzzReport {
    return {
      suite: 'isa',
      seed: this.options.seed,
      programs: this.programs,
      accepted: this.programs - this.refused,
      differences: this.found,
      kernel: { programs: this.kernelPrograms, accepted: this.kernelAccepted },
    }
  }
}

/**
 * What the kernel cannot judge: function pointers need BTF, which the generated programs have none of; and after a
 * 32-bit cmpxchg Linux 6.18 leaves the upper half of r0 as it was when its verifier pruned the path that reads it
 * (RFC 9669 5.3: it is zero). That one is between the compiler and the interpreter alone.
 */
function notForKernel(insns: Uint8Array): boolean {
  return decode(insns).rows.some((row) => row?.name === 'imm64.function' || row?.name === 'atomic32.cmpxchg.fetch')
}

export async function fuzzIsa(options: FuzzOptions, tamper: Tamper = (insns) => insns): Promise<FuzzReport> {
  const fuzzer = new IsaFuzzer(options, tamper)
  const over = deadline(options.seconds)
  let batch: Case[] = []
  const first = options.first ?? 0
  for (let index = first; index < first + options.programs && !over(); index++) {
    const test = fuzzer.make(index)
    await fuzzer.tryOne(test)
    if (fuzzer.oracle && index % KERNEL_EVERY === 0 && !notForKernel(test.insns)) batch.push(test)
    if (batch.length >= KERNEL_BATCH) {
      await fuzzer.askKernel(batch)
      batch = []
    }
    if (fuzzer.found.length >= (options.stopAfter ?? DIFFERENCES_MAX)) break
    if (index % 1000 === 999) options.progress(`${index + 1} programs, ${fuzzer.kernelPrograms} with the kernel`)
  }
  if (batch.length > 0) await fuzzer.askKernel(batch)
  fuzzer.oracle?.close()
  return fuzzer.report()
}

export const isaSuite: FuzzSuite = {
  name: 'isa',
  what: 'generated programs: interpreter, compiler in both modes, and every fifth by the real kernel',
  defaultPrograms: 136_000,
  perProcess: 4000,
  run: fuzzIsa,
}
