/** ns per map operation on one thread, called from a WASM loop; for tuning. */
import { type MapAttributes, mapShape } from '#shared/maps/registry.js'
import {
  BPF_MAP_TYPE_ARRAY,
  BPF_MAP_TYPE_HASH,
  BPF_MAP_TYPE_PERCPU_ARRAY,
  BPF_MAP_TYPE_PERCPU_HASH,
} from '#shared/uapi/bpf.js'
import { brIf, call, define, I32, i32, loop, seq, set } from '#shared/wasm/dsl.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { Random } from '#test/maps/random.js'
import { importsFor, instantiate, makeMap, type TestMachine, type TestMap, testMachine } from '#test/maps/support.js'

const CALLS = 2_000_000
const REPEATS = 7
const ENTRIES = 65536
const HOT_ENTRIES = 64
const KEY_STRIDE = 8

type OperationName = 'lookup' | 'update' | 'delete'
const parameters: Record<OperationName, number> = { lookup: 2, update: 4, delete: 2 }

interface Run {
  run(map: number, keys: number, mask: number, count: number, value: number, flags: number): number
}

/** A loop over keys that calls `operations` for each, in order, and returns the sum of the results. */
function looper(operations: OperationName[]): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder()
  module.importMemory()
  const targets = operations.map((name) =>
    module.importFunction('op', name, new Array<typeof I32>(parameters[name]).fill(I32), [I32]),
  )
  const run = define(module, 'run', new Array<typeof I32>(6).fill(I32), [I32], (params, local) => {
    const [map, keys, mask, count, value, flags] = params
    const at = local(I32)
    const sum = local(I32)
    const key = i32.add(keys!, i32.mul(i32.and(at, mask!), KEY_STRIDE))
    const calls = targets.map((target, i) =>
      set(sum, i32.add(sum, call(target, ...[map!, key, value!, flags!].slice(0, parameters[operations[i]!])))),
    )
    return seq(
      loop((leave) => seq(brIf(leave, i32.geU(at, count!)), ...calls, set(at, i32.add(at, 1)))),
      (f) => f.get(sum),
    )
  })
  module.export('run', run)
  return module.build().bytes
}

/** Fills the map and leaves its keys in random order; `insertDelete` wants keys that are absent. */
function prepare(machine: TestMachine, map: TestMap, value: number, fill: boolean): number {
  const random = new Random(1)
  const hash = map.attr.type === BPF_MAP_TYPE_HASH || map.attr.type === BPF_MAP_TYPE_PERCPU_HASH
  const keys = machine.allocate(ENTRIES * KEY_STRIDE)
  const order = Array.from({ length: ENTRIES }, (_, i) => (hash ? Math.imul(i + 1, 0x9e3779b1) : i))
  for (let i = ENTRIES - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const moved = order[i]!
    order[i] = order[j]!
    order[j] = moved
  }
  for (const [i, key] of order.entries()) {
    machine.u32[(keys + i * KEY_STRIDE) / 4] = key
    if (fill) map.on[0]!.update(map.address, keys + i * KEY_STRIDE, value, 0)
  }
  return keys
}

function measure(attr: MapAttributes, operations: OperationName[], hot: boolean): void {
  const machine = testMachine(2)
  const map = makeMap(machine, attr)
  const value = machine.allocate(attr.valueBytes)
  const keys = prepare(machine, map, value, !operations.includes('delete'))
  const imports = { ...importsFor(machine.memory, 2, 0), op: { ...map.on[0] } as WebAssembly.ModuleImports }
  const { run } = instantiate<Run>(looper(operations), imports)
  let best = Infinity
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = performance.now()
    run(map.address, keys, (hot ? HOT_ENTRIES : ENTRIES) - 1, CALLS, value, 0)
    best = Math.min(best, ((performance.now() - start) * 1e6) / CALLS)
  }
  console.log(
    `${mapShape(attr).padEnd(20)} ${operations.join('+').padEnd(14)} ${hot ? 'hot   ' : 'random'} ${best.toFixed(1)} ns`,
  )
}

const shapes: [number, number, number][] = [
  [BPF_MAP_TYPE_HASH, 4, 8],
  [BPF_MAP_TYPE_HASH, 8, 64],
  [BPF_MAP_TYPE_PERCPU_HASH, 4, 8],
  [BPF_MAP_TYPE_ARRAY, 4, 8],
  [BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8],
]
for (const [type, keyBytes, valueBytes] of shapes) {
  const attr = { type, keyBytes, valueBytes, maxEntries: ENTRIES, flags: 0 }
  for (const hot of [false, true]) {
    measure(attr, ['lookup'], hot)
    measure(attr, ['update'], hot)
    if (type === BPF_MAP_TYPE_HASH || type === BPF_MAP_TYPE_PERCPU_HASH) measure(attr, ['update', 'delete'], hot)
  }
}
