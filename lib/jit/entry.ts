/** The exported function of a compiled program. */
import { CPU, FRAME_BYTES, FRAMES_MAX } from '../../shared/layout.js'
import {
  brIf,
  call,
  globalGet,
  I32,
  I64,
  i32,
  i64,
  loop,
  push,
  select,
  seq,
  set,
  tee,
  when,
} from '../../shared/wasm/dsl.js'
import { ARGUMENTS, FunctionEmitter } from './function.js'
import type { ModuleContext } from './module_context.js'
import { MAIN_PARAMS, startTailCalls } from './tail_call.js'

/** Emits the main program's instructions, which leave by e.exit(). */
export type EmitMainBody = (e: FunctionEmitter) => void

/**
 * Repetitions in one call of the main function. V8 replaces a function's first, slow code only when it is entered
 * again, so a long run must enter it often.
 */
const CHUNK = 256

/**
 * The main program in a loop: (context, contextBytes, count, frame, tail calls so far) -> r0 of the last of `count`
 * repetitions. Standing inside the loop, it costs no call per repetition.
 */
function emitMain(module: ModuleContext, emitMainBody: EmitMainBody): FunctionEmitter {
  const f = module.builder.function(module.input.name, MAIN_PARAMS, [I64])
  const [context, contextBytes, count, frame, tailCalls] = f.params
  const registers = Array.from({ length: ARGUMENTS }, () => f.local(I64))
  const again = f.loop()
  const done = f.block()
  const place = { arguments: registers, frame, context, contextBytes, done, repetitions: count }
  const e = new FunctionEmitter(module, f, 0, place)
  if (module.tailCalls) startTailCalls(module, tailCalls)(f)
  // Verified programs read no register before they write it; the others shall not see the repetition before.
  if (module.checked) for (const register of e.registers) set(register, i64.const(0))(f)
  set(registers[0], i64.extendU(context))(f)
  emitMainBody(e)
  f.end()
  push(f, i32.sub(count, 1))
  f.tee(count)
  f.brIf(again)
  f.end()
  e.push64(0)
  return e
}

/**
 * run(context, contextBytes, repeat) -> i32: runs the program `repeat` times (0 counts as 1) with r1 = context, on
 * the stack of the CPU's context level. Returns the low word of the last r0; all of it lies in CPU.retval. The export
 * `main` is what tail calls call.
 */
export function emitEntry(module: ModuleContext, emitMainBody: EmitMainBody): FunctionEmitter {
  const main = emitMain(module, emitMainBody)
  const f = module.builder.function('run', [I32, I32, I32], [I32])
  const [context, contextBytes, repeat] = f.params
  const chunk = f.local(I32)
  const result = f.local(I64)
  const frame = f.local(I32)
  const area = globalGet(module.areaGlobal)
  const level = i32.mul(i32.load(area, CPU.contextLevel), FRAMES_MAX * FRAME_BYTES)
  seq(
    when(i32.eqz(repeat), set(repeat, 1)),
    set(frame, i32.add(i32.add(area, CPU.stack), level)),
    loop((leave) =>
      seq(
        set(chunk, select(i32.gtU(repeat, CHUNK), CHUNK, repeat)),
        set(result, call(main.f, context, contextBytes, chunk, frame, 0)),
        brIf(leave, i32.eqz(tee(repeat, i32.sub(repeat, chunk)))),
      ),
    ),
    i64.store(area, result, CPU.retval),
    i32.wrap(result),
  )(f)
  module.builder.export('run', f)
  module.builder.export('main', main.f)
  return main
}
