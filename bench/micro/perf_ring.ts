/** ns per event of the perf ring's producer and of its reader, on one thread; for tuning. */
import { SK_BUFF, XDP_MD } from '#shared/layout.js'
import { PerfReader } from '#shared/rings/consumer.js'
import { emitPerfOutput } from '#shared/rings/perf.js'
import { importEnvironment } from '#shared/sync/environment.js'
import { brIf, call, define, I32, i32, i64, loop, seq, set } from '#shared/wasm/dsl.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { importsFor, instantiate, testMachine } from '#test/maps/support.js'
import { makePerfMap, makeRing, setSlot } from '#test/rings/support.js'

const BATCH_ROUNDS = 3000

interface Run {
  run(map: number, data: number, size: number, count: number): number
}

/** Outputs `count` samples and returns the sum of the results. */
function producer(): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder()
  const env = importEnvironment(module)
  const { plain } = emitPerfOutput(module, env, [
    { name: 'xdp', context: XDP_MD },
    { name: 'skb', context: SK_BUFF },
  ])
  const run = define(module, 'run', [I32, I32, I32, I32], [I32], ([map, data, size, count], local) => {
    const left = local(I32)
    const sum = local(I32)
    return seq(
      set(left, count!),
      loop((leave) =>
        seq(
          brIf(leave, i32.eqz(left)),
          set(sum, i32.add(sum, call(plain, 0, map!, i64.const(0), data!, size!))),
          set(left, i32.sub(left, 1)),
        ),
      ),
      (f) => f.get(sum),
    )
  })
  module.export('run', run)
  return module.build().bytes
}

function measure(size: number, wakeupEvents: number): void {
  const pages = 64
  const machine = testMachine(1)
  const map = makePerfMap(machine, 1)
  const ring = makeRing(machine, { pages, wakeupEvents })
  setSlot(machine, map, 0, ring)
  const data = machine.allocate(size)
  const run = instantiate<Run>(producer(), importsFor(machine.memory, 1, 0))
  const reader = new PerfReader(machine, ring)
  const record = 8 + Math.ceil((4 + size) / 8) * 8
  const batch = Math.floor((pages * 4096 - 8) / record)
  let bytes = 0
  let lost = 0
  let producing = 0
  let reading = 0
  let events = 0
  const rounds = Math.max(50, Math.min(BATCH_ROUNDS, Math.floor(20e6 / batch)))
  for (let i = 0; i < rounds; i++) {
    const start = performance.now()
    if (run.run(map.address, data, size, batch) !== 0) throw new Error('the ring was full')
    const middle = performance.now()
    reader.read(
      (view) => {
        bytes += view.length
      },
      (count) => {
        lost += count
      },
    )
    const end = performance.now()
    if (i < rounds / 10) continue
    producing += middle - start
    reading += end - middle
    events += batch
  }
  const each = (ms: number) => ((ms * 1e6) / events).toFixed(1)
  const rate = (events / reading / 1000).toFixed(1)
  console.log(
    `${String(size).padStart(4)} B wakeup ${String(wakeupEvents).padStart(4)}: producer ${each(producing)} ns, ` +
      `reader ${each(reading)} ns (${rate} M events/s) ${bytes > 0 ? '' : '?'}${lost || ''}`,
  )
}

for (const size of [8, 64, 512]) for (const wakeups of [500, 1]) measure(size, wakeups)
