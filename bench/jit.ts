/**
 * jit/NAME: nanoseconds of one run of a program, inside a repeat loop on every side, minus those of an empty program.
 *
 * ours: compiled in direct mode (what a verified program gets) through the JIT's own entry and run on this thread.
 * kernel: the same instructions by BPF_PROG_TEST_RUN with a repeat count. native: the same C function by cc -O2, called
 * in a loop. Times are the processor's, without what other processes take. All three read one packet and must give one result. jit-checked/NAME is the checked mode, where each
 * access is compared with the program's regions. jit-short/NAME are programs of less than 100 ns, which say more about
 * the cost around a program than about its code.
 */
import type { LinkedProgram } from '#lib/object/link.js'
import { compileBenches } from './jit_compile.js'
import { INPUT_BYTES, inputPacket, jitImage, linkedProgram, PROG_TYPE_SCHED_CLS, programNames } from './jit_input.js'
import { JitSide, processorUs, TimedProgram } from './jit_side.js'
import { alternate, type Summary, summarise } from './measure.js'
import { type PeerMap, type PeerRequest, runPeer } from './peer.js'
import type { Bench, BenchContext, Outcome } from './row.js'

const EMPTY = 'empty'
const MAP_TYPE_PROG_ARRAY = 3
/** Less than 100 ns in the kernel. */
const SHORT = new Set(['parse_one'])
/** What only BPF has. */
const NO_NATIVE = new Map([['map_hash', 'plain C has no table that others may change meanwhile']])
const WARM_UP_MS = 250
const CALLS_FROM_TS = 2_000_000

interface PeerAnswer {
  ns: number
  retval: number
}

type Mode = 'direct' | 'checked'

let side: JitSide | undefined
const timed = new Map<string, TimedProgram>()

/** Our program, compiled and warm. */
function ours(name: string, mode: Mode): TimedProgram {
  side ??= new JitSide()
  const key = `${name} ${mode}`
  let program = timed.get(key)
  if (!program) {
    program = new TimedProgram(side, side.load(name, mode))
    program.warmUp(WARM_UP_MS)
    timed.set(key, program)
  }
  return program
}

/** Programs of one object as the kernel's peer wants them: maps are numbered in the order of their first use. */
class KernelPrograms {
  readonly maps: PeerMap[] = []
  readonly stores: [Uint8Array, number, number][] = []
  readonly #numbers = new Map<number, number>()

  /** The program's instructions, and its maps added. */
  add(linked: LinkedProgram): Uint8Array {
    const insns = linked.insns.slice()
    const view = new DataView(insns.buffer)
    for (const { insn, map } of linked.mapRefs) view.setInt32(insn * 8 + 4, this.#number(map), true)
    return insns
  }

  #number(map: number): number {
    const known = this.#numbers.get(map)
    if (known !== undefined) return known
    const number = this.maps.length
    this.#numbers.set(map, number)
    const { type, keyBytes, valueBytes, maxEntries, flags, content } = jitImage().maps[map]
    this.maps.push({ type, keyBytes, valueBytes, maxEntries, flags, content: content ?? undefined })
    if (type === MAP_TYPE_PROG_ARRAY)
      for (let index = 0; index < maxEntries; index++)
        this.stores.push([this.add(linkedProgram(`chain_${index}`)), number, index])
    return number
  }
}

function kernelRequest(name: string, milliseconds: number): PeerRequest {
  const linked = linkedProgram(`tc_${name}`)
  const programs = new KernelPrograms()
  const insns = programs.add(linked)
  return {
    type: PROG_TYPE_SCHED_CLS,
    insns,
    maps: programs.maps,
    stores: programs.stores,
    btf: jitImage().btf?.bytes,
    funcInfo: linked.funcInfo.bytes,
    data: inputPacket(),
    numbers: { rounds: 1, milliseconds },
  }
}

function nativeRequest(name: string, milliseconds: number): PeerRequest {
  const numbers = { index: programNames().indexOf(name), rounds: 1, milliseconds }
  return { type: 0, insns: new Uint8Array(0), data: inputPacket(), numbers }
}

type SideName = 'ours' | 'kernel' | 'native'

/** Measures one side once; the peers' answers are kept in `retvals`, their failures in `reasons`. */
class Sides {
  readonly retvals = new Map<SideName, number>()
  readonly reasons = new Map<SideName, string>()

  constructor(
    readonly name: string,
    readonly mode: Mode,
    readonly seconds: number,
  ) {}

  ours(): number {
    const program = ours(this.name, this.mode)
    const ns = program.round(this.seconds)
    this.retvals.set('ours', program.retval)
    return ns
  }

  async peer(which: 'kernel' | 'native'): Promise<number | null> {
    const request = which === 'kernel' ? kernelRequest : nativeRequest
    const peer = which === 'kernel' ? 'jit_peer' : 'native_peer'
    const answer = await runPeer<PeerAnswer>(peer, request(this.name, this.seconds * 1000))
    if ('reason' in answer) {
      this.reasons.set(which, answer.reason)
      return null
    }
    this.retvals.set(which, answer.value.retval)
    return answer.value.ns
  }

  measure(rounds: number): Promise<Partial<Record<SideName, Summary>>> {
    const reason = NO_NATIVE.get(this.name)
    if (reason) this.reasons.set('native', reason)
    const native = reason ? null : () => this.peer('native')
    return alternate({ ours: () => this.ours(), kernel: () => this.peer('kernel'), native }, rounds)
  }
}

/** What an empty run costs on each side, measured once for all rows of a mode. */
const bases = new Map<Mode, Partial<Record<SideName, Summary>>>()

async function baseOf(mode: Mode, context: BenchContext): Promise<Partial<Record<SideName, Summary>>> {
  let base = bases.get(mode)
  if (!base) {
    base = await new Sides(EMPTY, mode, context.seconds / context.rounds / 3).measure(context.rounds)
    bases.set(mode, base)
  }
  return base
}

function minus(summary: Summary | undefined, base: Summary | undefined): Summary | undefined {
  if (!summary || !base) return undefined
  const less = (ns: number) => Math.max(0, ns - base.median)
  return {
    min: less(summary.min),
    median: less(summary.median),
    max: less(summary.max),
    rounds: summary.rounds,
  }
}

/** Rows that count in the geometric mean, as far as they have been measured. */
const measured = new Map<string, Outcome>()

async function measureProgram(name: string, mode: Mode, context: BenchContext): Promise<Outcome> {
  const base = await baseOf(mode, context)
  const sides = new Sides(name, mode, context.seconds / context.rounds / 3)
  const raw = await sides.measure(context.rounds)
  const results = [...new Set(sides.retvals.values())]
  if (results.length !== 1) {
    throw new Error(`results differ: ${[...sides.retvals].map(([who, value]) => `${who} ${value}`).join(', ')}`)
  }
  const notes = [`all sides answer ${results[0]}; ours in ${mode} mode through the JIT's own entry`]
  for (const [which, reason] of sides.reasons) notes.push(`${which} column empty: ${reason}`)
  const outcome: Outcome = {
    ours: minus(raw.ours, base.ours),
    kernel: minus(raw.kernel, base.kernel),
    native: minus(raw.native, base.native),
    notes,
  }
  if (mode === 'direct' && !SHORT.has(name)) measured.set(name, outcome)
  return outcome
}

function programBench(name: string, mode: Mode): Bench {
  const family = mode === 'checked' ? 'jit-checked' : SHORT.has(name) ? 'jit-short' : 'jit'
  return {
    name: `${family}/${name}`,
    unit: 'ns',
    better: 'lower',
    measure: (context) => measureProgram(name, mode, context),
  }
}

function geometricMean(values: number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/** One number as a summary; `rounds` counts the rows behind it. */
const single = (value: number, rounds: number): Summary => ({ min: value, median: value, max: value, rounds })

/**
 * ours: the mean of all rows. kernel and native: that times the mean of their ratio to ours over the rows that have
 * them, so that the row's ratios are the means of the rows' ratios.
 */
async function measureMean(context: BenchContext): Promise<Outcome> {
  for (const name of longNames()) if (!measured.has(name)) await measureProgram(name, 'direct', context)
  const rows = [...measured.values()]
  const ours = geometricMean(rows.map((row) => row.ours!.median))
  const outcome: Outcome = { ours: single(ours, rows.length), notes: [] }
  for (const which of ['kernel', 'native'] as const) {
    const ratios = rows.filter((row) => row[which]).map((row) => row[which]!.median / row.ours!.median)
    if (ratios.length > 0) outcome[which] = single(ours * geometricMean(ratios), ratios.length)
    outcome.notes!.push(
      `${which}: ${ratios.length} of ${rows.length} rows, the worst ${Math.min(...ratios).toFixed(2)}`,
    )
  }
  return outcome
}

const longNames = () => programNames().filter((name) => name !== EMPTY && !SHORT.has(name))

/** A run of the empty program, called from TypeScript for each. */
async function measureCalls({ rounds }: BenchContext): Promise<Outcome> {
  const { side, run } = ours(EMPTY, 'direct')
  const { context, contextBytes } = side
  const callMany = (): number => {
    const startUs = processorUs()
    for (let i = 0; i < CALLS_FROM_TS; i++) run(context, contextBytes, 1)
    return ((processorUs() - startUs) * 1e3) / CALLS_FROM_TS
  }
  for (let i = 0; i < 10; i++) callMany()
  return { ours: summarise(Array.from({ length: rounds }, callMany)) }
}

async function measureEmpty(context: BenchContext): Promise<Outcome> {
  return { ...(await baseOf('direct', context)), notes: ['the base that the other rows subtract'] }
}

const bench = (name: string, measure: Bench['measure']): Bench => ({ name, unit: 'ns', better: 'lower', measure })

/** All rows; the object's programs decide which. */
export function jitBenches(): Bench[] {
  const names = programNames().filter((name) => name !== EMPTY)
  return [
    bench('jit/repeat_empty', measureEmpty),
    bench('jit/call_from_ts', measureCalls),
    ...names.map((name) => programBench(name, 'direct')),
    bench('jit/geomean', measureMean),
    ...names.filter((name) => !SHORT.has(name)).map((name) => programBench(name, 'checked')),
    ...compileBenches,
  ]
}

if (inputPacket().length !== INPUT_BYTES) throw new Error('bench/jit_input.ts: the packet has another size')
