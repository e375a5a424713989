/** bpf_tail_call: another program takes over this function's frame. Linux's limit and its answers. */
import { CPU, MAP, PROGRAM_SLOTS } from '../../shared/layout.js'
import { BPF_MAP_TYPE_PROG_ARRAY } from '../../shared/uapi/bpf.js'
import { EINVAL } from '../../shared/uapi/errno.js'
import {
  block,
  brIf,
  call,
  type Expr,
  globalGet,
  I32,
  I64,
  i32,
  i64,
  push,
  type Statement,
  seq,
  set,
  when,
} from '../../shared/wasm/dsl.js'
import type { FunctionBuilder } from '../../shared/wasm/function.js'
import { JitError } from './error.js'
import type { FunctionEmitter } from './function.js'
import type { MapFacts } from './input.js'
import type { ModuleContext } from './module_context.js'

export const TAIL_CALL = 12
/** MAX_TAIL_CALL_CNT. */
const TAIL_CALLS_MAX = 33
const SLOT_SHIFT = 3
const TAG_SHIFT = 2

/** Parameters of a program's main function: context, contextBytes, repetitions, frame, tail calls so far. */
export const MAIN_PARAMS = [I32, I32, I32, I32, I32] as const

/** What tail calls import: the thread's table of programs, and how to fill a slot of it. */
export interface TailImports {
  readonly table: number
  /** tail_call_program(id) -> 1 when the program now stands in its slot. */
  readonly find: number
}

export function importTailCalls(module: ModuleContext): TailImports {
  const { builder } = module
  return {
    table: builder.importTable('env', 'programs'),
    find: builder.importFunction('js', 'tail_call_program', [I32], [I32]),
  }
}

/** Address of the context level's count of tail calls in the present run. */
function counter(module: ModuleContext): Expr {
  const area = globalGet(module.areaGlobal)
  return i32.add(area, i32.shl(i32.load(area, CPU.contextLevel), TAG_SHIFT))
}

/** Starts a repetition with `count` tail calls made before. */
export function startTailCalls(module: ModuleContext, count: Expr): Statement {
  return i32.store(counter(module), count, CPU.tailCalls)
}

/** Calls the program in `slot` of the table, and leaves this function with its answer. */
function takeOver(e: FunctionEmitter, imports: TailImports, slot: Expr, calls: Expr): Statement {
  const { module, place } = e
  const type = module.builder.type(MAIN_PARAMS, [I64])
  const context: Expr = place.context ?? (() => e.push32(1))
  const target = (f: FunctionBuilder): void => {
    for (const arg of [context, place.contextBytes ?? 0, 1, e.frame, calls, slot]) push(f, arg)
  }
  const inPlace: Statement = (f) => {
    target(f)
    f.returnCallIndirect(type, imports.table)
  }
  const called: Statement = (f) => {
    target(f)
    f.callIndirect(type, imports.table)
    e.set64(0)
    e.exit()
  }
  // A function of the engine with other results cannot be taken over; the main program only in its last repetition.
  if (place.leave) return called
  return place.repetitions ? seq(when(i32.eq(place.repetitions, 1), inPlace), called) : inPlace
}

/**
 * tail_call(context, map, index): goes on after it when the index is out of range, its slot empty, or the limit
 * reached. `map` is what r2 holds where that is known, `address` else leaves the map's address.
 */
export function emitTailCall(e: FunctionEmitter, insn: number, map: MapFacts | null, address: Expr): void {
  const { f, module } = e
  const imports = module.tailCalls
  if (!imports) throw new JitError(insn, -EINVAL, 'tail calls were not declared')
  if (map && map.type !== BPF_MAP_TYPE_PROG_ARRAY) {
    throw new JitError(insn, -EINVAL, `cannot pass map_type ${map.type} into func bpf_tail_call#${TAIL_CALL}`)
  }
  const array = f.local(I32)
  const index = f.local(I32)
  const calls = f.local(I32)
  const program = f.local(I32)
  const slot = i32.and(program, PROGRAM_SLOTS - 1)
  const area = globalGet(module.areaGlobal)
  const tag = i32.load(i32.add(area, i32.shl(slot, TAG_SHIFT)), CPU.programTags)
  seq(
    set(array, map ? map.address : address),
    set(index, i32.wrap(e.registers[3])),
    block((miss) =>
      seq(
        brIf(miss, i32.ne(i32.load(array, MAP.type), BPF_MAP_TYPE_PROG_ARRAY)),
        brIf(miss, i32.geU(index, i32.load(array, MAP.maxEntries))),
        set(calls, i32.load(counter(module), CPU.tailCalls)),
        brIf(miss, i32.geU(calls, TAIL_CALLS_MAX)),
        set(program, i32.atomicLoad(i32.add(i32.load(array, MAP.values), i32.shl(index, SLOT_SHIFT)))),
        brIf(miss, i32.eqz(program)),
        when(i32.ne(tag, program), brIf(miss, i32.eqz(call(imports.find, program)))),
        set(calls, i32.add(calls, 1)),
        startTailCalls(module, calls),
        takeOver(e, imports, slot, calls),
      ),
    ),
    // Linux promises nothing about r0 here; a number of its own is less surprising than what was there.
    set(e.registers[0], i64.const(0)),
  )(f)
}
