/**
 * BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: values without keys. Both fill slots in a circle; a queue gives the oldest
 * value back, a stack the newest. There is one slot more than values, so that a push fills a slot nobody reads, and
 * one store of both ends makes it visible: whoever dies in between has done nothing, or all of it.
 */
import { MAP, MAP_BYTES, QUEUE } from '../layout.js'
import { alignUp } from '../struct.js'
import type { Environment } from '../sync/environment.js'
import { emitLock, type Locks } from '../sync/lock.js'
import { BPF_MAP_TYPE_QUEUE, BPF_MAP_TYPE_STACK } from '../uapi/bpf.js'
import { BPF_EXIST, BPF_F_NUMA_NODE, BPF_NOEXIST } from '../uapi/bpf_flags.js'
import { E2BIG, EBUSY, EINVAL, ENOENT } from '../uapi/errno.js'
import {
  define,
  type Expr,
  I32,
  i32,
  i64,
  memoryFill,
  ret,
  type Statement,
  select,
  seq,
  set,
  when,
} from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { copyBytes } from './bytes.js'
import { ACCESS_FLAGS, ALLOCATION_MAX_BYTES, programAccessOk } from './checks.js'
import type { MapAttributes, MapFunctions, MapType } from './types.js'

const SLOTS_OFFSET = MAP_BYTES + QUEUE.$bytes

function check(attr: MapAttributes): number {
  if (attr.maxEntries === 0 || attr.keyBytes !== 0 || attr.valueBytes === 0) return -EINVAL
  if (attr.flags & ~(BPF_F_NUMA_NODE | ACCESS_FLAGS) || !programAccessOk(attr.flags)) return -EINVAL
  return attr.valueBytes > ALLOCATION_MAX_BYTES ? -E2BIG : 0
}

/** Slots need no alignment: values are only copied. */
const slotsEnd = (attr: MapAttributes): number => alignUp(SLOTS_OFFSET + (attr.maxEntries + 1) * attr.valueBytes, 8)

function queueType(type: number, name: string): MapType {
  return {
    type,
    name,
    perCpu: false,
    check,
    storage: (attr) => slotsEnd(attr) - MAP_BYTES,
    initialise: (views, address, attr) => {
      views.u32[(address + MAP.values) / 4] = address + SLOTS_OFFSET
      views.u32[(address + MAP.valueStride) / 4] = attr.valueBytes
      views.u32[(address + MAP.end) / 4] = address + slotsEnd(attr)
    },
    shape: (attr) => `${name}:v${attr.valueBytes}`,
    emit: (module, env, attr) => emit(module, env, attr, type === BPF_MAP_TYPE_STACK),
  }
}

export const queueMap = queueType(BPF_MAP_TYPE_QUEUE, 'queue')
export const stackMap = queueType(BPF_MAP_TYPE_STACK, 'stack')

function emit(module: ModuleBuilder, env: Environment, attr: MapAttributes, newestFirst: boolean): MapFunctions {
  const queue: Queue = { env, locks: emitLock(module, env), valueBytes: attr.valueBytes, newestFirst }
  // There are no keys: Linux answers -EINVAL to whoever names one.
  const refuse = (name: string, params: number) =>
    define(module, name, new Array(params).fill(I32), [I32], () => i32.const(-EINVAL))
  const update = refuse('update', 4)
  return {
    push: emitPush(module, queue),
    pop: emitTake(module, queue, 'pop'),
    peek: emitTake(module, queue, 'peek'),
    update,
    updateUser: update,
    delete: refuse('delete', 2),
    nextKey: refuse('next_key', 3),
  }
}

interface Queue {
  readonly env: Environment
  readonly locks: Locks
  readonly valueBytes: number
  readonly newestFirst: boolean
}

const lockOf = (map: Expr): Expr => i32.add(map, MAP_BYTES + QUEUE.lock)
const headOf = (map: Expr): Expr => i32.load(map, MAP_BYTES + QUEUE.head)
const tailOf = (map: Expr): Expr => i32.load(map, MAP_BYTES + QUEUE.tail)

/** The slots before and after `slot` in the circle. */
const after = (map: Expr, slot: Expr): Expr => select(i32.eq(slot, i32.load(map, MAP.maxEntries)), 0, i32.add(slot, 1))
const before = (map: Expr, slot: Expr): Expr => select(slot, i32.sub(slot, 1), i32.load(map, MAP.maxEntries))

/** Both ends in one store. */
function move(map: Expr, head: Expr, tail: Expr): Statement {
  const ends = i64.or(i64.extendU(head), i64.shl(i64.extendU(tail), i64.const(32)))
  return i64.atomicStore(map, ends, MAP_BYTES + QUEUE.head)
}

function slotAt({ valueBytes }: Queue, map: Expr, slot: Expr): Expr {
  return i32.add(i32.load(map, MAP.values), i32.mul(slot, valueBytes))
}

function leave({ locks }: Queue, map: Expr, result: number): Statement {
  return seq(locks.unlock(lockOf(map)), ret(result))
}

/** push(map, value, flags): -E2BIG when full, unless BPF_EXIST gives the oldest value up for the new one. */
function emitPush(module: ModuleBuilder, queue: Queue): FunctionBuilder {
  const { env, locks } = queue
  return define(module, 'push', [I32, I32, I32], [I32], ([map, value, flags], local) => {
    const head = local(I32)
    const next = local(I32)
    const tail = local(I32)
    return seq(
      when(i32.or(i32.and(flags!, BPF_NOEXIST), i32.gtU(flags!, BPF_EXIST)), ret(-EINVAL)),
      when(locks.lock(lockOf(map!)), ret(-EBUSY)),
      set(head, headOf(map!)),
      set(next, after(map!, head)),
      set(tail, tailOf(map!)),
      when(i32.eq(next, tail), seq(when(i32.eqz(flags!), leave(queue, map!, -E2BIG)), set(tail, after(map!, tail)))),
      copyBytes(slotAt(queue, map!, head), value!, queue.valueBytes),
      env.fault('queue.filled'),
      move(map!, next, tail),
      env.fault('queue.moved'),
      locks.unlock(lockOf(map!)),
      i32.const(0),
    )
  })
}

/** pop or peek(map, value): -ENOENT, and zeros, when there is none. */
function emitTake(module: ModuleBuilder, queue: Queue, name: 'pop' | 'peek'): FunctionBuilder {
  const { env, locks, valueBytes, newestFirst } = queue
  return define(module, name, [I32, I32], [I32], ([map, value], local) => {
    const slot: Local = local(I32)
    const removed = newestFirst ? move(map!, slot, tailOf(map!)) : move(map!, headOf(map!), after(map!, slot))
    return seq(
      when(locks.lock(lockOf(map!)), seq(memoryFill(value!, 0, valueBytes), ret(-EBUSY))),
      when(i32.eq(headOf(map!), tailOf(map!)), seq(memoryFill(value!, 0, valueBytes), leave(queue, map!, -ENOENT))),
      set(slot, newestFirst ? before(map!, headOf(map!)) : tailOf(map!)),
      copyBytes(value!, slotAt(queue, map!, slot), valueBytes),
      ...(name === 'pop' ? [env.fault('queue.filled'), removed, env.fault('queue.moved')] : []),
      locks.unlock(lockOf(map!)),
      i32.const(0),
    )
  })
}
