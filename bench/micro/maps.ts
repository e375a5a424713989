/** ns per map operation, from a WASM loop; for tuning. */
import { WRITER_MAIN } from '#shared/layout.js'
import { type MapAttributes, mapShape } from '#shared/maps/registry.js'
import { brIf, call, define, drop, I32, i32, loop, seq, set } from '#shared/wasm/dsl.js'
import { ModuleBuilder } from '#shared/wasm/module.js'
import { importsFor, instantiate, makeMap, testMachine } from '#test/maps/support.js'

const ROUNDS = 2_000_000
const ENTRIES = 65536

/** A loop over `keys` (a power of two of them, `stride` apart) that calls one operation for each. */
function looper(params: number) {
  const module = new ModuleBuilder()
  module.importMemory()
  const op = module.importFunction('op', 'op', new Array(params).fill(I32), [I32])
  const f = define(
    module,
    'run',
    [I32, I32, I32, I32, I32, I32],
    [I32],
    ([map, keys, mask, count, value, flags], local) => {
      const at = local(I32)
      const sum = local(I32)
      const key = i32.add(keys!, i32.mul(i32.and(at, mask!), 8))
      const args = [map!, key, value!, flags!].slice(0, params)
      return seq(
        loop((leave) =>
          seq(brIf(leave, i32.geU(at, count!)), set(sum, i32.add(sum, call(op, ...args))), set(at, i32.add(at, 1))),
        ),
        (g) => g.get(sum),
      )
    },
  )
  module.export('run', f)
  return module.build().bytes
}

type Run = { run(map: number, keys: number, mask: number, count: number, value: number, flags: number): number }

function measure(
  attr: MapAttributes,
  name: 'lookup' | 'update' | 'delete',
  params: number,
  hot = false,
  memo = true,
): void {
  const machine = testMachine(2)
  const map = makeMap(machine, attr)
  const keys = machine.allocate(ENTRIES * 8)
  const value = machine.allocate(attr.valueBytes)
  for (let i = 0; i < ENTRIES; i++)
    machine.u32[(keys + i * 8) / 4] =
      attr.keyBytes === 4 && attr.type !== 1 && attr.type !== 5 ? i : Math.imul(i, 2654435761)
  for (let i = 0; i < ENTRIES; i++) map.on[0]!.update(map.address, keys + i * 8, value, 0)
  for (let i = ENTRIES - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const a = (keys + i * 8) / 4
    const b = (keys + j * 8) / 4
    const t = machine.u32[a]!
    machine.u32[a] = machine.u32[b]!
    machine.u32[b] = t
  }
  const imports = importsFor(machine.memory, 2, 0)
  const run = instantiate<Run>(looper(params), { ...imports, op: { op: map.on[0]![name] as never } })
  const mask = hot ? 63 : ENTRIES - 1
  let best = Infinity
  let sum = 0
  for (let round = 0; round < 7; round++) {
    const start = performance.now()
    sum = run.run(map.address, keys, mask, ROUNDS, value, 0)
    best = Math.min(best, ((performance.now() - start) * 1e6) / ROUNDS)
  }
  if (memo)
    console.log(
      `${mapShape(attr).padEnd(24)} ${name.padEnd(8)} ${hot ? 'hot   ' : 'random'} ${best.toFixed(1)} ns  (${sum})`,
    )
}

for (const [type, keyBytes, valueBytes] of [
  [1, 4, 8],
  [1, 8, 8],
  [1, 8, 64],
  [5, 4, 8],
  [2, 4, 8],
  [6, 4, 8],
] as const) {
  const attr = { type, keyBytes, valueBytes, maxEntries: ENTRIES, flags: 0 }
  measure(attr, 'lookup', 2)
  measure(attr, 'lookup', 2, true)
  measure(attr, 'update', 4)
  measure(attr, 'update', 4, true)
}
void WRITER_MAIN
void drop
