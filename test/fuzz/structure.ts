/** Malformed programs: errno and message of the structural checks against the real kernel's. */
import { checkStructure } from '#lib/verifier/structure.js'
import * as bpf from '#shared/uapi/bpf.js'
import { Oracle, oracleAvailable } from '#test/fuzz/oracle.js'
import {
  deadline,
  type FoundDifference,
  type FuzzOptions,
  type FuzzReport,
  type FuzzSuite,
  programSeed,
} from '#test/fuzz/run.js'
import { listing } from '#test/fuzz/shrink.js'
import { Random } from '#test/jit/random.js'
import { randomCase } from '#test/verifier/cases.js'
import { agreesOnForm } from '#test/verifier/form.js'

const BATCH = 50
/** Types whose context a program may leave alone. */
const TYPES: readonly (readonly [string, number])[] = [
  ['socket_filter', bpf.BPF_PROG_TYPE_SOCKET_FILTER],
  ['xdp', bpf.BPF_PROG_TYPE_XDP],
  ['kprobe', bpf.BPF_PROG_TYPE_KPROBE],
  ['sched_cls', bpf.BPF_PROG_TYPE_SCHED_CLS],
  ['raw_tracepoint', bpf.BPF_PROG_TYPE_RAW_TRACEPOINT],
]

/** The asked process has its three standard descriptors open, none of them a map. */
const isOpen = (fd: number) => fd >= 0 && fd <= 2

interface Case {
  readonly index: number
  readonly type: readonly [string, number]
  readonly insns: Uint8Array
}

function make(seed: number, index: number): Case {
  const random = new Random(programSeed(seed, index))
  return { index, type: random.pick(TYPES), insns: randomCase(random) }
}

async function judge(oracle: Oracle, { index, type, insns }: Case): Promise<FoundDifference | null | 'accepted'> {
  const hex = Buffer.from(insns).toString('hex')
  const answer = await oracle.ask({ insns: hex, type: type[0] })
  const ours = checkStructure(insns, { type: type[1], isMap: () => false, isOpen })
  const errno = answer.verdict === 'accept' ? 0 : (answer.errno ?? 0)
  const reason = answer.reason ?? ''
  if (agreesOnForm(ours, errno, reason)) return errno === 0 ? 'accepted' : null
  const what = `${type[0]}: ${ours.errno} ${'message' in ours ? ours.message : ''}, the kernel: ${-errno} ${reason}`
  return { index, what, insns: hex, shrunk: hex, text: listing(insns) }
}

export async function fuzzStructure(options: FuzzOptions): Promise<FuzzReport> {
  const found: FoundDifference[] = []
  let programs = 0
  let accepted = 0
  const report = (): FuzzReport => {
    return {
      suite: 'structure',
      seed: options.seed,
      programs,
      accepted,
      differences: found,
      kernel: { programs, accepted },
    }
  }
  if (!options.kernel || !oracleAvailable()) {
    options.progress('there is no kernel to ask here')
    return report()
  }
  const oracle = new Oracle()
  const over = deadline(options.seconds)
  const end = (options.first ?? 0) + options.programs
  for (let index = options.first ?? 0; index < end && !over(); index += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, end - index) }, (_, n) => make(options.seed, index + n))
    for (const verdict of await Promise.all(batch.map((test) => judge(oracle, test)))) {
      programs++
      if (verdict === 'accepted') accepted++
      else if (verdict !== null) found.push(verdict)
    }
  }
  oracle.close()
  return report()
}

export const structureSuite: FuzzSuite = {
  name: 'structure',
  what: 'malformed programs: errno and message against the real kernel',
  defaultPrograms: 5000,
  perProcess: 100_000,
  run: fuzzStructure,
}
