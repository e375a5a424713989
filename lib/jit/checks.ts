/**
 * Checked mode's run-time checks: functions of the compiled module that compare an access with the regions the
 * program may touch. They return the address as i32, or describe the violation in CPU.fault and trap.
 */
import { CPU, FAULT, FaultKind, FRAME_BYTES, FRAMES_MAX, MAP } from '../../shared/layout.js'
import * as bpf from '../../shared/uapi/bpf.js'
import { BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG } from '../../shared/uapi/bpf_flags.js'
import {
  call,
  type Expr,
  globalGet,
  I32,
  I64,
  i32,
  i64,
  ret,
  type Statement,
  seq,
  set,
  tee,
  unreachable,
  when,
} from '../../shared/wasm/dsl.js'
import type { FunctionBuilder, Local } from '../../shared/wasm/function.js'
import type { ModuleBuilder } from '../../shared/wasm/module.js'
import type { MapFacts } from './input.js'
import type { ProgramTypeFacts } from './program_types.js'

/** Parameters of the access checks: address (i64), bytes, frame, context, contextBytes. */
export interface Checks {
  /** fail(address i64, bytes, kind): describes the fault and traps. */
  readonly fail: FunctionBuilder
  readonly read: FunctionBuilder
  readonly write: FunctionBuilder
  /** As write, and the address must be a multiple of `bytes`. */
  readonly atomic: FunctionBuilder
  /** map(address i64): must be one of the program's maps. */
  readonly map: FunctionBuilder
  /** context(address i64, context): must be the program's context. */
  readonly context: FunctionBuilder
}

interface CheckInput {
  readonly module: ModuleBuilder
  readonly areaGlobal: number
  readonly maps: readonly MapFacts[]
  readonly type: ProgramTypeFacts
}

/** How a map type keeps the values that programs may touch. */
const GRID = new Set([bpf.BPF_MAP_TYPE_ARRAY, bpf.BPF_MAP_TYPE_PERCPU_ARRAY])
const ELEMENTS = new Set([
  bpf.BPF_MAP_TYPE_HASH,
  bpf.BPF_MAP_TYPE_PERCPU_HASH,
  bpf.BPF_MAP_TYPE_LRU_HASH,
  bpf.BPF_MAP_TYPE_LRU_PERCPU_HASH,
])

/** Whether [address, address+bytes) lies in [start, start+length); the expressions are evaluated more than once. */
function inside(address: Expr, bytes: Expr, start: Expr, length: Expr): Expr {
  return i32.and(i32.leU(bytes, length), i32.leU(i32.sub(address, start), i32.sub(length, bytes)))
}

function defineFail({ module, areaGlobal }: CheckInput): FunctionBuilder {
  const f = module.function('fault', [I64, I32, I32], [])
  const [address, bytes, kind] = f.params
  const area = globalGet(areaGlobal)
  seq(
    i64.store(area, address, CPU.fault + FAULT.address),
    i32.store(area, bytes, CPU.fault + FAULT.bytes),
    i32.store(area, kind, CPU.fault + FAULT.kind),
    unreachable(),
  )(f)
  return f
}

interface AccessLocals {
  readonly address: Local
  readonly bytes: Local
  readonly start: Local
  readonly length: Local
}

/** One map's values: the access must lie within one value, not reach into keys or neighbours. */
function mapRegion(map: MapFacts, at: AccessLocals): Statement {
  const { address, bytes, start, length } = at
  const header = (field: number): Expr => i32.load(map.address, field)
  const elements = ELEMENTS.has(map.type)
  const first = elements ? MAP.elements : MAP.values
  const within: Statement = elements
    ? seq(
        set(start, i32.remU(i32.sub(address, start), header(MAP.elementBytes))),
        when(
          i32.geU(start, header(MAP.valueOffset)),
          seq(
            set(start, i32.sub(start, header(MAP.valueOffset))),
            when(header(MAP.valueStride), set(start, i32.remU(start, header(MAP.valueStride)))),
            when(i32.leU(i32.add(start, bytes), map.valueBytes), ret(address)),
          ),
        ),
      )
    : seq(
        set(start, i32.remU(i32.sub(address, start), header(MAP.valueStride))),
        when(i32.leU(i32.add(start, bytes), map.valueBytes), ret(address)),
      )
  return seq(
    set(start, header(first)),
    set(length, i32.sub(header(MAP.end), start)),
    when(inside(address, bytes, start, length), within),
  )
}

function defineAccess(input: CheckInput, fail: FunctionBuilder, write: boolean): FunctionBuilder {
  const { module, areaGlobal, type } = input
  const f = module.function(write ? 'check_write' : 'check_read', [I64, I32, I32, I32, I32], [I32])
  const [wide, bytes, frame, context, contextBytes] = f.params
  const at: AccessLocals = { address: f.local(I32), bytes, start: f.local(I32), length: f.local(I32) }
  const { address, start } = at
  const area = globalGet(areaGlobal)
  const stack: Statement = seq(
    // This context level's frames, from the first up to the one in use.
    set(start, i32.add(i32.mul(i32.load(area, CPU.contextLevel), FRAMES_MAX * FRAME_BYTES), i32.add(area, CPU.stack))),
    when(inside(address, bytes, start, i32.sub(i32.add(frame, FRAME_BYTES), start)), ret(address)),
  )
  const contextRegion =
    write && !type.contextWritable ? [] : [when(inside(address, bytes, context, contextBytes), ret(address))]
  const refused = write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG
  const maps = input.maps.filter((map) => (GRID.has(map.type) || ELEMENTS.has(map.type)) && (map.flags & refused) === 0)
  seq(
    set(address, i32.wrap(wide)),
    when(
      i64.eqz(i64.shrU(wide, i64.const(32))),
      seq(
        stack,
        ...contextRegion,
        ...packetRegion(input, at, context, write),
        ...maps.map((map) => mapRegion(map, at)),
      ),
    ),
    call(fail, wide, bytes, write ? FaultKind.write : FaultKind.read),
    unreachable(),
  )(f)
  return f
}

function packetRegion(input: CheckInput, at: AccessLocals, context: Local, write: boolean): Statement[] {
  const { packet, packetWritable } = input.type
  if (packet === null || (write && !packetWritable)) return []
  const { address, bytes, start, length } = at
  const from = (field: number): Statement =>
    seq(
      set(start, i32.load(context, field)),
      set(length, i32.sub(i32.load(context, packet.dataEnd), start)),
      when(i32.and(i32.geS(length, 0), inside(address, bytes, start, length)), ret(address)),
    )
  return [from(packet.data), when(i32.load(context, packet.dataMeta), from(packet.dataMeta))]
}

function defineAtomic({ module }: CheckInput, fail: FunctionBuilder, write: FunctionBuilder): FunctionBuilder {
  const f = module.function('check_atomic', [I64, I32, I32, I32, I32], [I32])
  const [wide, bytes, frame, context, contextBytes] = f.params
  const address = f.local(I32)
  seq(
    when(
      i32.and(tee(address, call(write, wide, bytes, frame, context, contextBytes)), i32.sub(bytes, 1)),
      call(fail, wide, bytes, FaultKind.misaligned),
    ),
    ret(address),
    unreachable(),
  )(f)
  return f
}

function defineMap({ module, maps }: CheckInput, fail: FunctionBuilder): FunctionBuilder {
  const f = module.function('check_map', [I64], [I32])
  const [wide] = f.params
  seq(
    ...maps.map((map) => when(i64.eq(wide, i64.const(map.address, 0)), ret(map.address))),
    call(fail, wide, 0, FaultKind.badMap),
    unreachable(),
  )(f)
  return f
}

function defineContext({ module }: CheckInput, fail: FunctionBuilder): FunctionBuilder {
  const f = module.function('check_context', [I64, I32], [I32])
  const [wide, context] = f.params
  seq(
    when(i64.ne(wide, i64.extendU(context)), call(fail, wide, 0, FaultKind.badContext)),
    ret(context),
    unreachable(),
  )(f)
  return f
}

/** Defines the check functions; all imports must be declared before. */
export function defineChecks(input: CheckInput): Checks {
  const fail = defineFail(input)
  const read = defineAccess(input, fail, false)
  const write = defineAccess(input, fail, true)
  return {
    fail,
    read,
    write,
    atomic: defineAtomic(input, fail, write),
    map: defineMap(input, fail),
    context: defineContext(input, fail),
  }
}
