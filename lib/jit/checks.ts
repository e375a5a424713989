/**
 * Checked mode's run-time checks: functions of the compiled module that compare an access with the regions the
 * program may touch. They return the address as i32, or describe the violation in CPU.fault and trap.
 */
import {
  CPU,
  FAULT,
  FaultKind,
  FRAME_BYTES,
  FRAMES_MAX,
  HASH_ELEMENT,
  HEADER,
  MAP,
  PERCPU_HASH_ELEMENT,
} from '../../shared/layout.js'
import { alignUp } from '../../shared/struct.js'
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
import { ELEMENT_KEYS_BYTES } from './callbacks.js'
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
  /** The program may read keys in maps: bpf_for_each_map_elem shows them to callbacks. */
  readonly keysVisible: boolean
}

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

/** What an access needs for one map: where its values lie, and the offset of an address within one value. */
interface ValueRegion {
  /** First byte; evaluated once. */
  readonly start: Expr
  /** From an offset from `start` to the offset within a value; what is no value gives a large number. */
  readonly within: (offset: Local) => Statement
}

const VALUE_ALIGN = 8
const NO_VALUE = 0x7fffffff

/** How each map type keeps the values that programs may touch (shared/maps); other types have none. */
function valueRegion(map: MapFacts): ValueRegion | null {
  const header = (field: number): Expr => i32.load(map.address, field)
  const stride = alignUp(map.valueBytes, VALUE_ALIGN)
  const inStride = (offset: Local): Statement => set(offset, i32.remU(offset, stride))
  const inCpu = (offset: Local): Statement => set(offset, i32.remU(offset, header(MAP.valueStride)))
  switch (map.type) {
    case bpf.BPF_MAP_TYPE_ARRAY:
      return { start: header(MAP.values), within: inStride }
    case bpf.BPF_MAP_TYPE_PERCPU_ARRAY: {
      // Each CPU's array is padded to whole cache lines.
      const padding = (offset: Local): Statement =>
        when(i32.geU(offset, stride * map.maxEntries), set(offset, NO_VALUE), inStride(offset))
      return { start: header(MAP.values), within: (offset) => seq(inCpu(offset), padding(offset)) }
    }
    case bpf.BPF_MAP_TYPE_HASH: {
      const inElement = (offset: Local): Statement =>
        set(offset, i32.sub(i32.remU(offset, header(MAP.elementBytes)), header(MAP.valueOffset)))
      return { start: header(MAP.elements), within: inElement }
    }
    case bpf.BPF_MAP_TYPE_PERCPU_HASH: {
      const values = i32.mul(i32.load(0, HEADER.cpusPossible), header(MAP.valueStride))
      return { start: i32.sub(header(MAP.end), values), within: (offset) => seq(inCpu(offset), inStride(offset)) }
    }
    default:
      return null
  }
}

/** One map's values: the access must lie within one value, not reach into keys or neighbours. */
function mapRegion(map: MapFacts, at: AccessLocals): Statement[] {
  const { address, bytes, start, length } = at
  const region = valueRegion(map)
  if (region === null) return []
  return [
    set(start, region.start),
    set(length, i32.sub(i32.load(map.address, MAP.end), start)),
    when(
      inside(address, bytes, start, length),
      seq(
        set(start, i32.sub(address, start)),
        region.within(start),
        when(inside(start, bytes, 0, map.valueBytes), ret(address)),
      ),
    ),
  ]
}

/** The keys that callbacks are shown: those of array elements, and of each hash table's elements. */
function keyRegions({ areaGlobal }: CheckInput, maps: readonly MapFacts[], at: AccessLocals): Statement[] {
  const { address, bytes, start, length } = at
  const level = i32.mul(i32.load(globalGet(areaGlobal), CPU.contextLevel), ELEMENT_KEYS_BYTES)
  const ofHash = (map: MapFacts): Statement[] => {
    const keyOffset = map.type === bpf.BPF_MAP_TYPE_HASH ? HASH_ELEMENT.key : PERCPU_HASH_ELEMENT.key
    return [
      set(start, i32.load(map.address, MAP.elements)),
      set(length, i32.sub(i32.load(map.address, MAP.end), start)),
      when(
        inside(address, bytes, start, length),
        seq(
          set(start, i32.remU(i32.sub(address, start), i32.load(map.address, MAP.elementBytes))),
          when(inside(start, bytes, keyOffset, map.keyBytes), ret(address)),
        ),
      ),
    ]
  }
  const hashes = maps.filter(({ type }) => type === bpf.BPF_MAP_TYPE_HASH || type === bpf.BPF_MAP_TYPE_PERCPU_HASH)
  return [
    set(start, i32.add(i32.add(globalGet(areaGlobal), CPU.elementKeys), level)),
    when(inside(address, bytes, start, ELEMENT_KEYS_BYTES), ret(address)),
    ...hashes.flatMap(ofHash),
  ]
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
  const maps = input.maps.filter((map) => (map.flags & refused) === 0)
  seq(
    set(address, i32.wrap(wide)),
    when(
      i64.eqz(i64.shrU(wide, i64.const(32))),
      seq(
        stack,
        ...contextRegion,
        ...packetRegion(input, at, context, write),
        ...maps.flatMap((map) => mapRegion(map, at)),
        ...(input.keysVisible && !write ? keyRegions(input, maps, at) : []),
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
