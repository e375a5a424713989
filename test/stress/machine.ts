/** The long runs of the machine: CPUs killed, machines booted and closed, signals. Short parts are in test/machine. */
import type { ChildProcess } from 'node:child_process'
import { CPU, CpuState, cpuArea, FaultAction, HEADER } from '#shared/layout.js'
import { word } from '#shared/views.js'
import { runNode } from '#test/machine/child.js'
import { Random } from '#test/maps/random.js'
import { KillRig } from './kill_rig.js'

const CPUS = 4
const RESTART_MAX_MS = 5000
/** Fault points passed before the armed one goes off, at most. */
const COUNTDOWN_MAX = 400
const MOMENT_MAX_MS = 4
const CHECK_EVERY = 20
const PROGRESS_EVERY = 100
const ACTIONS = ['exit', 'throw', 'exhaust', 'terminate'] as const
const HEARTBEAT_PATIENCE_MS = 2000

export interface KillFigures {
  kills: number
  /** Kills in which the CPU owned a lock. */
  locked: number
  /** At fault points, and at random moments. */
  atPoints: number
  atMoments: number
  maxRestartMs: number
  meanRestartMs: number
  samples: number
}

export interface KillOptions {
  count: number
  seed: number
  cpus?: number
  progress?: (text: string) => void
}

/**
 * Kills CPUs of a busy machine, half by a fault point that goes off by itself, half from outside at a random moment,
 * while this thread sleeps in Atomics.wait. Throws when a CPU does not come back, another one stops, or something
 * shared is damaged.
 */
export async function runKills(options: KillOptions): Promise<KillFigures> {
  const random = new Random(options.seed)
  const cpus = options.cpus ?? CPUS
  const rig = new KillRig(cpus)
  const restarts: number[] = []
  let atPoints = 0
  try {
    for (let kill = 1; kill <= options.count; kill++) {
      rig.keepBusy()
      const cpu = random.below(cpus)
      const action = ACTIONS[random.below(ACTIONS.length)]
      const byPoint = action !== 'terminate' || random.below(2) === 0
      if (byPoint) atPoints++
      const before = rig.progress()
      restarts.push(killOne(rig, cpu, byPoint ? action : null, random))
      othersGoOn(rig, cpu, before)
      rig.consume()
      if (kill % PROGRESS_EVERY === 0) options.progress?.(`${kill} of ${options.count} kills`)
      if (kill % CHECK_EVERY === 0 || kill === options.count) rig.check()
      if (rig.problems.length > 0) throw new Error(`after kill ${kill} (${action}): ${rig.problems.join('; ')}`)
    }
    return {
      kills: rig.machine.cpuDeaths,
      locked: Atomics.load(rig.machine.views.i32, word(HEADER.cpuDeathsLocked)),
      atPoints,
      atMoments: options.count - atPoints,
      maxRestartMs: Math.round(Math.max(...restarts)),
      meanRestartMs: Math.round(restarts.reduce((sum, ms) => sum + ms, 0) / restarts.length),
      samples: rig.samples,
    }
  } finally {
    await rig.machine.shutdown()
  }
}

/** Kills CPU `cpu` by an armed fault point, or with `action` null by a control call. Returns ms until it is back. */
function killOne(rig: KillRig, cpu: number, action: keyof typeof FaultAction | null, random: Random): number {
  const { machine } = rig
  const { i32 } = machine.views
  const deaths = machine.cpuDeaths
  const area = cpuArea(cpu)
  const incarnation = Atomics.load(i32, word(area + CPU.incarnation))
  if (action) {
    Atomics.store(i32, word(HEADER.faultCpu), cpu)
    Atomics.store(i32, word(HEADER.faultCountdown), 1 + random.below(COUNTDOWN_MAX))
    Atomics.store(i32, word(HEADER.faultAction), FaultAction[action])
  } else {
    Atomics.wait(i32, word(HEADER.magic), i32[word(HEADER.magic)], random.below(MOMENT_MAX_MS * 1000) / 1000)
    machine.control('kill', cpu)
  }
  while (machine.cpuDeaths === deaths) {
    const outcome = Atomics.wait(i32, word(HEADER.cpuDeaths), deaths, RESTART_MAX_MS)
    if (outcome === 'timed-out') throw new Error(`cpu ${cpu} does not die of ${action ?? 'terminate()'}`)
  }
  const deadMs = performance.now()
  const isBack = () =>
    Atomics.load(i32, word(area + CPU.incarnation)) !== incarnation &&
    Atomics.load(i32, word(area + CPU.state)) === CpuState.online
  while (!isBack()) {
    const online = Atomics.load(i32, word(HEADER.cpusOnline))
    if (performance.now() - deadMs > RESTART_MAX_MS) throw new Error(`cpu ${cpu} does not come back`)
    if (!isBack()) Atomics.wait(i32, word(HEADER.cpusOnline), online, 10)
  }
  return performance.now() - deadMs
}

/** What a CPU is about, for a failure's message. */
function describeCpu(rig: KillRig, cpu: number): string {
  const { u32 } = rig.machine.views
  const fields = [
    'state',
    'incarnation',
    'nesting',
    'seenGeneration',
    'sleeping',
    'programRuns',
    'currentTask',
  ] as const
  const values = fields.map((field) => `${field} ${u32[word(cpuArea(cpu) + CPU[field])]}`)
  const intent = word(cpuArea(cpu) + CPU.intent)
  values.push(`generation ${u32[word(HEADER.generation)]}`, `intent ${u32.slice(intent, intent + 8)}`)
  return `${values.join(', ')}; task ${rig.taskState(cpu)}`
}

/** Sees the tasks of the other CPUs make system calls after the death. */
function othersGoOn(rig: KillRig, cpu: number, before: number[]): void {
  const { i32 } = rig.machine.views
  const startMs = performance.now()
  for (;;) {
    const now = rig.progress()
    const stuck = now.findIndex((calls, other) => other !== cpu && calls === before[other])
    if (stuck < 0) return
    if (performance.now() - startMs > HEARTBEAT_PATIENCE_MS) {
      throw new Error(`cpu ${stuck} makes no progress after the death of cpu ${cpu}: ${describeCpu(rig, stuck)}`)
    }
    rig.consume()
    Atomics.wait(i32, word(HEADER.magic), i32[word(HEADER.magic)], 1)
  }
}

/** Boots a machine, touches 64 MiB and closes it, `count` times in a process of its own. */
export async function runBootCycles(options: { count: number; touchMb?: number }): Promise<{ maxRssMb: number }> {
  const args = [String(options.count), String(options.touchMb ?? 64)]
  const { code, signal, lines } = await runNode('boot_cycles.js', args)
  if (code !== 0) throw new Error(`boot cycles ended with ${code ?? signal}: ${lines.join('\n')}`)
  return JSON.parse(lines.at(-1)!) as { maxRssMb: number }
}

export interface SignalFigures {
  node: string
  signals: number
  maxMs: number
}

/** SIGINT to a blocking process, `count` times 50 ms apart, under each of the Node binaries. */
export async function runSignals(options: { nodes: string[]; count?: number }): Promise<SignalFigures[]> {
  const figures: SignalFigures[] = []
  for (const node of options.nodes) figures.push(await signalsUnder(node, options.count ?? 100))
  return figures
}

const SIGNAL_GAP_MS = 50

async function signalsUnder(node: string, count: number): Promise<SignalFigures> {
  const latencies: number[] = []
  let sentMs = 0
  let sent = 0
  // The next one only after an answer: two pending SIGINTs are one to a process that is kept waiting.
  const sendLater = (child: ChildProcess) => {
    if (sent++ === count) return
    setTimeout(() => {
      sentMs = performance.now()
      child.kill('SIGINT')
    }, SIGNAL_GAP_MS)
  }
  const { code, signal, lines } = await runNode('signals.js', [String(count)], {
    node,
    onLine: (line, child) => {
      if (line.startsWith('signal')) latencies.push(performance.now() - sentMs)
      if (line.startsWith('signal') || line === 'ready') sendLater(child)
    },
  })
  const expected = ['ready', ...Array.from({ length: count }, (_, i) => `signal ${i + 1}`), 'closed']
  if (code !== 0) throw new Error(`${node} ended with ${code ?? signal}: ${lines.join(' | ')}`)
  const wrong = expected.findIndex((line, i) => lines[i] !== line)
  if (wrong >= 0) throw new Error(`${node}: line ${wrong} is '${lines[wrong]}', not '${expected[wrong]}'`)
  return { node, signals: latencies.length, maxMs: Math.max(...latencies) }
}
