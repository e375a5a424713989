/**
 * Litmus tests: two to four CPUs write rising numbers to shared words and note what they read of the others'. Two
 * notes that contradict every order that BPF's memory model allows are a violation; with weaker instructions the same
 * notes show which weak orders happen. The model is Linux's: read-modify-writes that return a value order everything,
 * load-acquire and store-release order one way, plain accesses nothing (each word for itself is coherent).
 */
import { insn, program } from '#test/jit/assembler.js'
import { check } from '#test/stress/run.js'
import { CPUS, LitmusRig } from './rig.js'

/** One CPU's part: what it does in each round. `number` of the round is in r6; reads go to r4 and then r5. */
type Step =
  | { readonly do: 'write' | 'writeRelease'; readonly word: number }
  | { readonly do: 'read' | 'readAcquire' | 'readFetch'; readonly word: number }
  | { readonly do: 'fence' }

export interface Litmus {
  readonly name: string
  /** What the outcome looked for is under the model. */
  readonly weak: 'forbidden' | 'allowed'
  readonly threads: readonly (readonly Step[])[]
  /** How many rounds contradict each other. */
  readonly count: (notes: readonly Notes[]) => number
}

/** What one CPU read: first and second read of each round, from round 1 on. */
export interface Notes {
  readonly first: Uint32Array
  readonly second: Uint32Array
}

const X = 0
const Y = 128
/** For fences: a word of each CPU's own, changed by an atomic that returns a value. */
/** Threads that have arrived at their first round: they wait for each other, or they would hardly meet. */
const GATE = 192
const GATE_SPINS = 2_000_000
const FENCE = 256
const FENCE_BYTES = 64
const ROUND = FENCE + CPUS * FENCE_BYTES
const NOTES = 1024
const THREADS_MAX = 4
const NOTE_BYTES = 8
const MEETINGS = 2000
const MORE_PARTS = 6
const NUMBER = 6
const BASE = 7
const OWN = 8
const NOTE = 9

const write = (word: number): Step => ({ do: 'write', word })
const writeRelease = (word: number): Step => ({ do: 'writeRelease', word })
const read = (word: number): Step => ({ do: 'read', word })
const readAcquire = (word: number): Step => ({ do: 'readAcquire', word })
const readFetch = (word: number): Step => ({ do: 'readFetch', word })
const fence: Step = { do: 'fence' }

function emit(step: Step, target: number): Uint8Array[] {
  switch (step.do) {
    case 'write':
      return [insn('stxw', { dst: BASE, src: NUMBER, off: step.word })]
    case 'writeRelease':
      return [insn('store_release.w', { dst: BASE, src: NUMBER, off: step.word })]
    case 'read':
      return [insn('ldxw', { dst: target, src: BASE, off: step.word })]
    case 'readAcquire':
      return [insn('load_acquire.w', { dst: target, src: BASE, off: step.word })]
    case 'readFetch':
      return [
        insn('mov64.imm', { dst: target }),
        insn('atomic32.add.fetch', { dst: BASE, src: target, off: step.word }),
      ]
    case 'fence':
      return [insn('mov64.imm', { dst: 3, imm: 1 }), insn('atomic64.xchg.fetch', { dst: OWN, src: 3, off: FENCE })]
  }
}

/** In the first round, waits until all threads are there, or for a while. */
function gate(threads: number): Uint8Array[] {
  return [
    insn('jne64.imm', { dst: NUMBER, imm: 1, off: 7 }),
    insn('mov64.imm', { dst: 2, imm: 1 }),
    insn('atomic32.add.fetch', { dst: BASE, src: 2, off: GATE }),
    insn('mov64.imm', { dst: 3, imm: GATE_SPINS }),
    insn('load_acquire.w', { dst: 2, src: BASE, off: GATE }),
    insn('jge64.imm', { dst: 2, imm: threads, off: 2 }),
    insn('sub64.imm', { dst: 3, imm: 1 }),
    insn('jne64.imm', { dst: 3, imm: 0, off: -4 }),
  ]
}

/** One round of one thread; its number comes in as the context. */
function build(rig: LitmusRig, { threads }: Litmus, thread: number, rounds: number): Uint8Array {
  const steps = threads[thread]
  let reads = 0
  const body = steps.flatMap((step) => emit(step, step.do.startsWith('read') ? 4 + reads++ : 0))
  return program(
    rig.address(BASE),
    rig.address(OWN, thread * FENCE_BYTES),
    rig.address(NOTE, NOTES + thread * (rounds + 1) * NOTE_BYTES),
    insn('ldxdw', { dst: NUMBER, src: OWN, off: ROUND }),
    insn('add64.imm', { dst: NUMBER, imm: 1 }),
    insn('stxdw', { dst: OWN, src: NUMBER, off: ROUND }),
    gate(threads.length),
    insn('mov64.imm', { dst: 4 }),
    insn('mov64.imm', { dst: 5 }),
    body,
    insn('mov64.reg', { dst: 2, src: NUMBER }),
    insn('lsh64.imm', { dst: 2, imm: 3 }),
    insn('add64.reg', { dst: NOTE, src: 2 }),
    insn('stxw', { dst: NOTE, src: 4 }),
    insn('stxw', { dst: NOTE, src: 5, off: 4 }),
    insn('mov64.imm'),
    insn('exit'),
  )
}

/** The second thread saw the later write of the first, and not the earlier one. */
function messagePassing([, reader]: readonly Notes[]): number {
  return reader.first.reduce((sum, y, n) => sum + (reader.second[n] < y ? 1 : 0), 0)
}

/** Both threads wrote, and neither saw the other's write: i's read is older than j's write, and j's than i's. */
function storeBuffering([a, b]: readonly Notes[]): number {
  let count = 0
  for (let i = 1; i < a.first.length; i++) {
    const j = a.first[i] + 1
    if (j < b.first.length && b.first[j] < i) count++
  }
  return count
}

/** Each thread read what the other wrote after its own read: i saw j's write, and j saw i's. */
function loadBuffering([a, b]: readonly Notes[]): number {
  let count = 0
  for (let i = 1; i < a.first.length; i++) if (a.first[i] > 0 && b.first[a.first[i]] >= i) count++
  return count
}

/** A word that only rises was seen to fall. */
function coherence(notes: readonly Notes[]): number {
  let count = 0
  for (const { first, second } of notes.slice(1)) {
    let last = 0
    for (let n = 1; n < first.length; n++) {
      if (first[n] < last || second[n] < first[n]) count++
      last = second[n]
    }
  }
  return count
}

/** Two readers saw two writers' words rise in opposite orders. */
function independentReads([, , a, b]: readonly Notes[]): number {
  let count = 0
  let n = 1
  for (let k = 1; k < b.first.length; k++) {
    // The first of a's rounds whose x is newer than this round's.
    while (n < a.first.length && a.first[n] <= b.second[k]) n++
    if (n < a.first.length && a.second[n] < b.first[k]) count++
  }
  return count
}

const sb = (middle: Step[]) => [
  [write(X), ...middle, read(Y)],
  [write(Y), ...middle, read(X)],
]
const mp = (last: Step, first: Step) => [
  [write(X), last],
  [first, read(X)],
]

export const litmusTests: readonly Litmus[] = [
  {
    name: 'message passing, release and acquire',
    weak: 'forbidden',
    threads: mp(writeRelease(Y), readAcquire(Y)),
    count: messagePassing,
  },
  {
    name: 'message passing, atomics',
    weak: 'forbidden',
    threads: [
      [write(X), fence, write(Y)],
      [readFetch(Y), read(X)],
    ],
    count: messagePassing,
  },
  { name: 'message passing, plain', weak: 'allowed', threads: mp(write(Y), read(Y)), count: messagePassing },
  { name: 'store buffering, atomics between', weak: 'forbidden', threads: sb([fence]), count: storeBuffering },
  {
    name: 'store buffering, release and acquire',
    weak: 'allowed',
    threads: [
      [writeRelease(X), readAcquire(Y)],
      [writeRelease(Y), readAcquire(X)],
    ],
    count: storeBuffering,
  },
  { name: 'store buffering, plain', weak: 'allowed', threads: sb([]), count: storeBuffering },
  {
    name: 'load buffering, acquire and release',
    weak: 'forbidden',
    threads: [
      [readAcquire(Y), writeRelease(X)],
      [readAcquire(X), writeRelease(Y)],
    ],
    count: loadBuffering,
  },
  {
    name: 'load buffering, plain',
    weak: 'allowed',
    threads: [
      [read(Y), write(X)],
      [read(X), write(Y)],
    ],
    count: loadBuffering,
  },
  {
    name: 'coherence of one word',
    weak: 'forbidden',
    threads: [[write(X)], [read(X), read(X)], [read(X), readAcquire(X)], [readFetch(X), read(X)]],
    count: coherence,
  },
  {
    name: 'independent reads, atomics',
    weak: 'forbidden',
    threads: [[write(X)], [write(Y)], [readFetch(X), readFetch(Y)], [readFetch(Y), readFetch(X)]],
    count: independentReads,
  },
]

export interface LitmusResult {
  readonly name: string
  readonly weak: Litmus['weak']
  readonly rounds: number
  /** Contradictions found. */
  readonly seen: number
  /** Rounds that read something new: how much the CPUs really met. */
  readonly met: number
}

function notesOf(rig: LitmusRig, thread: number, rounds: number): Notes {
  const start = (NOTES + thread * (rounds + 1) * NOTE_BYTES) / 4
  const first = new Uint32Array(rounds + 1)
  const second = new Uint32Array(rounds + 1)
  for (let n = 1; n <= rounds; n++) {
    first[n] = rig.words[start + 2 * n]
    second[n] = rig.words[start + 2 * n + 1]
  }
  return { first, second }
}

function countMeetings(notes: readonly Notes[]): number {
  return notes.reduce(
    (sum, { first }) => sum + first.reduce((s, v, n) => s + (n > 0 && v !== first[n - 1] ? 1 : 0), 0),
    0,
  )
}

async function runOne(rig: LitmusRig, test: Litmus, rounds: number, parts: number, rotate: number) {
  const programs = test.threads.map((_, thread) => rig.load(build(rig, test, thread, rounds)))
  let seen = 0
  let met = 0
  let part = 0
  // On a busy machine the threads may run one after the other: more parts then, within bounds.
  for (; part < parts || (met < MEETINGS && part < parts * MORE_PARTS); part++) {
    rig.words.fill(0)
    // Each part on other CPUs, and its threads in another order.
    const order = programs.map((_, n) => (n + part) % programs.length)
    await rig.run(
      order.map((thread) => {
        const cpu = (rotate + part * programs.length + thread) % CPUS
        return { cpu, program: programs[thread], context: thread, repeat: rounds }
      }),
    )
    const notes = programs.map((_, thread) => notesOf(rig, thread, rounds))
    seen += test.count(notes)
    met += countMeetings(notes)
  }
  return { seen, met, rounds: part * rounds }
}

/** Every test with `rounds` rounds; throws at an outcome that the model forbids. */
export async function runLitmus(options: {
  rounds: number
  parts?: number
  seed: number
  progress?: (text: string) => void
}) {
  const parts = options.parts ?? 8
  const rounds = Math.ceil(options.rounds / parts)
  const rig = new LitmusRig(NOTES + THREADS_MAX * (rounds + 1) * NOTE_BYTES)
  const results: LitmusResult[] = []
  for (const test of litmusTests) {
    const { seen, met, rounds: done } = await runOne(rig, test, rounds, parts, options.seed % CPUS)
    results.push({ name: test.name, weak: test.weak, rounds: done, seen, met })
    options.progress?.(`${test.name}: ${done} rounds, ${met} met, ${test.weak} outcome seen ${seen} times`)
  }
  await rig.close()
  const broken = results.filter(({ weak, seen }) => weak === 'forbidden' && seen > 0)
  check(broken.length === 0, `forbidden: ${broken.map(({ name, seen }) => `${name} ${seen} times`).join('; ')}`)
  return { results }
}
