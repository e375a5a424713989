/** Helper calls, by the tier of their row in shared/helpers/table.ts, and calls of the program's own functions. */
import { type HelperRow, helperById, isWide } from '../../shared/helpers/table.js'
import { CPU, MAP, MapOp } from '../../shared/layout.js'
import { EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { I32, I64 } from '../../shared/wasm/dsl.js'
import type { FunctionBuilder } from '../../shared/wasm/function.js'
import { Op, type ValType } from '../../shared/wasm/opcodes.js'
import { emitForEach, emitLoop, iteratesByLookup } from './callbacks.js'
import { JitError } from './error.js'
import { argumentCount, type FunctionEmitter } from './function.js'
import type { MapFacts } from './input.js'
import { directLookup, emitDirectLookup } from './lookup.js'
import { callCheck } from './memory.js'
import type { ModuleContext } from './module_context.js'
import { emitTailCall, TAIL_CALL } from './tail_call.js'
import { Known, type RegisterFacts } from './values.js'

interface MapCall {
  readonly op: keyof typeof MapOp
  readonly params: readonly ValType[]
}

/** The map operation behind each helper of tier `map`. */
const MAP_CALLS: Record<string, MapCall> = {
  bpf_map_lookup_elem: { op: 'lookup', params: [I32, I32] },
  bpf_map_update_elem: { op: 'update', params: [I32, I32, I32, I32] },
  bpf_map_delete_elem: { op: 'delete', params: [I32, I32] },
  bpf_map_push_elem: { op: 'push', params: [I32, I32, I32] },
  bpf_map_pop_elem: { op: 'pop', params: [I32, I32] },
  bpf_map_peek_elem: { op: 'peek', params: [I32, I32] },
}

/** The row of the helper that `insn` calls, where `facts` hold; throws when it does not run here. */
export function helperAt(module: ModuleContext, insn: number, facts: RegisterFacts): HelperRow {
  const { code } = module
  let id = code.imm[insn]
  if (code.rows[insn]?.kind === 'callRegister') {
    const register = code.dst[insn]
    if (facts.kind[register] !== Known.constant) throw new JitError(insn, -EOPNOTSUPP, 'callx of an unknown helper')
    id = facts.value[register]
  }
  const helper = helperById(id)
  if (!helper) throw new JitError(insn, -EOPNOTSUPP, `helper #${id} is not available`)
  return helper
}

/** The map in the register of argument `index`, where the analysis knows it. */
function knownMap(module: ModuleContext, facts: RegisterFacts, register: number): MapFacts | null {
  return facts.kind[register] === Known.map ? module.mapAt(facts.value[register]) : null
}

/** Declares what the call at `insn` needs; `facts` hold before it. Returns the function index, -1 for the table. */
export function importHelper(module: ModuleContext, insn: number, facts: RegisterFacts): number {
  const helper = helperAt(module, insn, facts)
  const { builder } = module
  if (helper.tier === 'jit') return importForEach(module, helper, facts)
  if (helper.tier === 'map') {
    const map = knownMap(module, facts, 1)
    const { op, params } = MAP_CALLS[helper.name]
    if (op === 'lookup' && directLookup(map)) return -1
    return map ? builder.importFunction(`map:${map.shape}`, op, params, [I32]) : -1
  }
  const name =
    module.type.packetOutput && helper.packetName ? `${helper.packetName}_${module.type.packetOutput}` : helper.name
  if (helper.tier === 'wasm') {
    const params = helper.args.map((kind) => (isWide(kind) ? I64 : I32))
    return builder.importFunction('runtime', name, params, [helper.ret === 'u64' ? I64 : I32])
  }
  const params = helper.args.filter((kind) => !isWide(kind)).map(() => I32)
  return builder.importFunction('js', name, params, helper.ret === 'u64' ? [] : [I32])
}

/** Arrays are iterated by their look-up operation. */
function importForEach(module: ModuleContext, helper: HelperRow, facts: RegisterFacts): number {
  const map = helper.args[0] === 'map' ? knownMap(module, facts, 1) : null
  if (map === null || !iteratesByLookup(map)) return -1
  return module.builder.importFunction(`map:${map.shape}`, 'lookup', [I32, I32], [I32])
}

/** Helpers whose code stands in the program itself. */
function emitHere(e: FunctionEmitter, helper: HelperRow, insn: number, index: number): void {
  if (helper.name === 'bpf_loop') emitLoop(e)
  else if (helper.id === TAIL_CALL) {
    emitTailCall(e, insn, knownMap(e.module, e.facts, 2), () => pushArgument(e, helper, 1))
  } else emitForEach(e, insn, knownMap(e.module, e.facts, 1), index)
}

export function emitHelperCall(e: FunctionEmitter, insn: number): void {
  const helper = helperAt(e.module, insn, e.facts)
  const index = importHelper(e.module, insn, e.facts)
  if (helper.tier === 'map') emitMapCall(e, helper, index)
  else if (helper.tier === 'jit') emitHere(e, helper, insn, index)
  else if (helper.tier === 'wasm') {
    for (let n = 0; n < helper.args.length; n++) pushArgument(e, helper, n)
    e.f.call(index)
    setResult(e, helper)
  } else emitJsCall(e, helper, index)
}

function emitJsCall(e: FunctionEmitter, helper: HelperRow, index: number): void {
  const { f, module } = e
  helper.args.forEach((kind, n) => {
    if (!isWide(kind)) return
    f.globalGet(module.areaGlobal)
    e.push64(n + 1)
    f.memory(Op.i64_store, CPU.helperArguments + n * I64_BYTES)
  })
  helper.args.forEach((kind, n) => {
    if (!isWide(kind)) pushArgument(e, helper, n)
  })
  f.call(index)
  if (helper.ret === 'u64') {
    f.globalGet(module.areaGlobal)
    f.memory(Op.i64_load, CPU.helperResult)
  }
  setResult(e, helper)
}

const I64_BYTES = 8

function setResult(e: FunctionEmitter, helper: HelperRow): void {
  if (helper.ret === 'i32') e.f.op(Op.i64_extend_i32_s)
  else if (helper.ret === 'pointer') e.f.op(Op.i64_extend_i32_u)
  e.set64(0)
}

function emitMapCall(e: FunctionEmitter, helper: HelperRow, index: number): void {
  const { f, module } = e
  const { op, params } = MAP_CALLS[helper.name]
  const map = knownMap(module, e.facts, 1)
  const direct = op === 'lookup' ? directLookup(map) : null
  if (map && direct) {
    emitDirectLookup(e, map, direct)
    return
  }
  const flags = helper.args.indexOf('u64')
  if (flags >= 0) {
    // Flags are 64 bits wide; no flag lies in the upper half.
    e.push64(flags + 1)
    f.i64Const(32, 0)
    f.op(Op.i64_shr_u)
    f.op(Op.i64_eqz)
    f.if_(I32)
  }
  for (let n = 0; n < helper.args.length; n++) {
    if (helper.args[n] === 'u64') e.push32(n + 1)
    else pushArgument(e, helper, n)
  }
  if (index >= 0) f.call(index)
  else {
    e.push32(1)
    f.memory(Op.i32_load, MAP.operations)
    f.i32Const(MapOp[op])
    f.op(Op.i32_add)
    f.callIndirect(module.builder.type(params, [I32]))
  }
  if (flags >= 0) {
    f.else_()
    f.i32Const(-EINVAL)
    f.end()
  }
  setResult(e, helper)
}

/** Pushes argument n (from 0) as its kind wants it; checked mode checks what it points to. */
function pushArgument(e: FunctionEmitter, helper: HelperRow, n: number): void {
  const kind = helper.args[n]
  const register = n + 1
  const map = kind === 'map' ? knownMap(e.module, e.facts, register) : null
  if (map) e.f.i32Const(map.address)
  else if (isWide(kind)) e.push64(register)
  else if (!e.checked || kind === 'size' || kind === 'u32') e.push32(register)
  else if (kind === 'map') {
    e.push64(register)
    e.f.call(e.module.checks.map.index)
  } else if (kind === 'ctx') {
    e.push64(register)
    e.f.get(e.context)
    e.f.call(e.module.checks.context.index)
  } else if (kind === 'inOrNull') checkNullable(e, helper, n)
  else checkMemory(e, helper, n)
}

function checkNullable(e: FunctionEmitter, helper: HelperRow, n: number): void {
  const { f } = e
  e.push64(n + 1)
  f.op(Op.i64_eqz)
  f.if_(I32)
  f.i32Const(0)
  f.else_()
  checkMemory(e, helper, n)
  f.end()
}

function checkMemory(e: FunctionEmitter, helper: HelperRow, n: number): void {
  const { checks } = e.module
  e.push64(n + 1)
  callCheck(e, helper.args[n] === 'out' || helper.args[n] === 'valueOut' ? checks.write : checks.read, () =>
    pushLength(e, helper, n),
  )
}

/** Pushes how many bytes argument n points to: the map's key or value size, or the next argument. */
function pushLength(e: FunctionEmitter, helper: HelperRow, n: number): void {
  const { f } = e
  const kind = helper.args[n]
  if (kind !== 'key' && kind !== 'value' && kind !== 'valueOut') {
    e.push32(n + 2)
    return
  }
  const mapRegister = helper.args.indexOf('map') + 1
  const map = knownMap(e.module, e.facts, mapRegister)
  if (map) f.i32Const(kind === 'key' ? map.keyBytes : map.valueBytes)
  else {
    e.push32(mapRegister)
    f.memory(Op.i32_load, kind === 'key' ? MAP.keyBytes : MAP.valueBytes)
  }
}

/** A call of another function of the program: the callee's frame follows this one. */
export function emitLocalCall(e: FunctionEmitter, target: number, frameBytes: number): void {
  const callee = e.module.functions.get(target)
  if (!callee) throw new JitError(target, -EINVAL, 'call of an unknown function')
  emitCall(e, callee, frameBytes)
}

/** r0 = callee(r1 to r5), on the frame that lies `frameBytes` above this one. */
export function emitCall(e: FunctionEmitter, callee: FunctionBuilder, frameBytes: number): void {
  const { f } = e
  for (let r = 1; r <= argumentCount(callee); r++) e.push64(r)
  f.get(e.frame)
  f.i32Const(frameBytes)
  f.op(Op.i32_add)
  if (e.checked) {
    f.get(e.context)
    f.get(e.contextBytes)
  }
  f.call(callee.index)
  e.set64(0)
}
