/** Helpers that call functions of the program: bpf_loop and bpf_for_each_map_elem, emitted in place as loops. */
import {
  CPU,
  FRAME_BYTES,
  FRAMES_MAX,
  HASH_BUCKET,
  HASH_ELEMENT,
  MAP,
  PERCPU_HASH_ELEMENT,
} from '../../shared/layout.js'
import * as bpf from '../../shared/uapi/bpf.js'
import { E2BIG, EINVAL, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import {
  brIf,
  call,
  type Expr,
  globalGet,
  I32,
  I64,
  i32,
  i64,
  loop,
  ret,
  type Statement,
  seq,
  set,
  unreachable,
  when,
} from '../../shared/wasm/dsl.js'
import type { FunctionBuilder, Local } from '../../shared/wasm/function.js'
import { JitError } from './error.js'
import { ARGUMENTS, argumentCount, CHECKED_PARAMS, DIRECT_PARAMS, type FunctionEmitter } from './function.js'
import type { MapFacts } from './input.js'
import type { ModuleContext } from './module_context.js'
import { Known } from './values.js'

/** BPF_MAX_LOOPS: most rounds of one bpf_loop. */
const LOOPS_MAX = 8 * 1024 * 1024
const FRAME_LOG2 = Math.log2(FRAME_BYTES)
const KEY_LOG2 = 3

/** First register of the callback and of its context, in both helpers, and of the flags. */
const CALLBACK = 2
const CONTEXT = 3
const FLAGS = 4

/**
 * Defines the function that calls one of `targets` by its value in a register: for calls whose callback is not known
 * when they are compiled. Parameters: that value, then those of every function.
 */
export function defineCallByValue(module: ModuleContext, targets: readonly number[]): FunctionBuilder {
  const params = module.checked ? CHECKED_PARAMS : DIRECT_PARAMS
  const f = module.builder.function('call_by_value', [I64, ...params], [I64])
  const [value, ...rest] = f.params
  for (const target of targets) {
    const callee = module.functions.get(target) as FunctionBuilder
    const given = [...rest.slice(0, argumentCount(callee)), ...rest.slice(ARGUMENTS)]
    when(i64.eq(value, i64.const(target, 0)), ret(call(callee, ...given)))(f)
  }
  unreachable()(f)
  return f
}

/** A call of the callback in r2 with r1 to r4 as given, on the frame after this one. */
function callback(e: FunctionEmitter, ...args: Expr[]): Expr {
  const { module, facts } = e
  const known = facts.kind[CALLBACK] === Known.function ? module.functions.get(facts.value[CALLBACK]) : undefined
  const zeros = new Array<Expr>(5 - args.length).fill(i64.const(0))
  const place: Expr[] = [i32.add(e.frame, FRAME_BYTES), ...(e.checked ? [e.context, e.contextBytes] : [])]
  if (known) return call(known, ...[...args, ...zeros].slice(0, argumentCount(known)), ...place)
  if (!module.callByValue) throw new JitError(e.start, -EINVAL, 'a callback that is no function')
  return call(module.callByValue, e.registers[CALLBACK], ...args, ...zeros, ...place)
}

/** r0 = a constant. */
const answer = (e: FunctionEmitter, value: number): Statement => set(e.registers[0], i64.const(value))

/** r0 = bpf_loop(rounds, callback(index, context), context, flags): rounds begun, -E2BIG, -EINVAL. */
export function emitLoop(e: FunctionEmitter): void {
  const { f, registers } = e
  const rounds = f.local(I32)
  const index = f.local(I32)
  const stop = f.local(I64)
  const body = seq(
    set(index, 0),
    loop((leave) =>
      seq(
        brIf(leave, i32.geU(index, rounds)),
        set(stop, callback(e, i64.extendU(index), registers[CONTEXT])),
        set(index, i32.add(index, 1)),
        brIf(leave, i32.eqz(i64.eqz(stop))),
      ),
    ),
    set(registers[0], i64.extendU(index)),
  )
  seq(
    set(rounds, i32.wrap(registers[1])),
    when(i64.eqz(registers[FLAGS]), when(i32.gtU(rounds, LOOPS_MAX), answer(e, -E2BIG), body), answer(e, -EINVAL)),
  )(f)
}

/** What a round of bpf_for_each_map_elem works with. */
interface Round {
  readonly count: Local
  readonly stop: Local
  /** Calls the callback with a key and a value; sets `stop`. */
  readonly visit: (key: Expr, value: Expr) => Statement
}

/** Where a frame's keys of array elements lie: the kernel keeps them on its own stack. */
function keyAddress(e: FunctionEmitter): Expr {
  const area = globalGet(e.module.areaGlobal)
  const frame = i32.shrU(i32.sub(e.frame, i32.add(area, CPU.stack)), FRAME_LOG2)
  return i32.add(i32.add(area, CPU.elementKeys), i32.shl(frame, KEY_LOG2))
}

/** Bytes of all keys, for the checks. */
export const ELEMENT_KEYS_BYTES = FRAMES_MAX << KEY_LOG2

function eachOfArray(e: FunctionEmitter, map: MapFacts, { count, stop, visit }: Round, lookup: number): Statement {
  const key = e.f.local(I32)
  return seq(
    set(key, keyAddress(e)),
    loop((leave) =>
      seq(
        brIf(leave, i32.geU(count, map.maxEntries)),
        i32.store(key, count),
        visit(key, call(lookup, map.address, key)),
        brIf(leave, i32.eqz(i64.eqz(stop))),
      ),
    ),
  )
}

/** An element may be deleted, and used again, by the callback: its successor is read before. */
function eachOfHash(e: FunctionEmitter, map: MapFacts, { stop, visit }: Round): Statement {
  const { f, module } = e
  const bucket = f.local(I32)
  const element = f.local(I32)
  const next = f.local(I32)
  const head = i32.add(i32.load(map.address, MAP.buckets), i32.mul(bucket, HASH_BUCKET.$bytes))
  const perCpu = map.type === bpf.BPF_MAP_TYPE_PERCPU_HASH
  const ownValues = i32.mul(i32.load(globalGet(module.areaGlobal), CPU.number), i32.load(map.address, MAP.valueStride))
  const value = perCpu
    ? i32.add(i32.load(element, PERCPU_HASH_ELEMENT.values), ownValues)
    : i32.add(element, i32.load(map.address, MAP.valueOffset))
  const key = i32.add(element, perCpu ? PERCPU_HASH_ELEMENT.key : HASH_ELEMENT.key)
  return seq(
    set(bucket, 0),
    loop((leave, nextBucket) =>
      seq(
        brIf(leave, i32.gtU(bucket, i32.load(map.address, MAP.bucketMask))),
        set(element, i32.load(head, HASH_BUCKET.head)),
        set(bucket, i32.add(bucket, 1)),
        loop(() =>
          seq(
            // The end of a chain is an odd number.
            brIf(nextBucket, i32.and(element, 1)),
            set(next, i32.load(element, HASH_ELEMENT.next)),
            visit(key, value),
            brIf(leave, i32.eqz(i64.eqz(stop))),
            set(element, next),
          ),
        ),
      ),
    ),
  )
}

const ARRAYS = new Set([bpf.BPF_MAP_TYPE_ARRAY, bpf.BPF_MAP_TYPE_PERCPU_ARRAY])
const HASHES = new Set([bpf.BPF_MAP_TYPE_HASH, bpf.BPF_MAP_TYPE_PERCPU_HASH])

/** Whether bpf_for_each_map_elem needs the map's look-up operation. */
export function iteratesByLookup(map: MapFacts): boolean {
  return ARRAYS.has(map.type)
}

/** r0 = bpf_for_each_map_elem(map, callback(map, key, value, context), context, flags): elements visited, -EINVAL. */
export function emitForEach(e: FunctionEmitter, insn: number, map: MapFacts | null, lookup: number): void {
  if (map === null) throw new JitError(insn, -EOPNOTSUPP, 'bpf_for_each_map_elem over an unknown map')
  if (!ARRAYS.has(map.type) && !HASHES.has(map.type)) {
    throw new JitError(insn, -EINVAL, `cannot pass map_type ${map.type} into func bpf_for_each_map_elem#164`)
  }
  const { f, registers } = e
  const count = f.local(I32)
  const stop = f.local(I64)
  const visit = (key: Expr, value: Expr): Statement =>
    seq(
      set(stop, callback(e, i64.const(map.address, 0), i64.extendU(key), i64.extendU(value), registers[CONTEXT])),
      set(count, i32.add(count, 1)),
    )
  const round: Round = { count, stop, visit }
  seq(
    when(
      i64.eqz(registers[FLAGS]),
      seq(
        set(count, 0),
        ARRAYS.has(map.type) ? eachOfArray(e, map, round, lookup) : eachOfHash(e, map, round),
        set(registers[0], i64.extendU(count)),
      ),
      answer(e, -EINVAL),
    ),
  )(f)
}
