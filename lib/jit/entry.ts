/** The exported function of a compiled program. */
import { CPU, FRAME_BYTES, FRAMES_MAX } from '../../shared/layout.js'
import { call, globalGet, I32, I64, i32, i64, push, ret, seq, set } from '../../shared/wasm/dsl.js'
import { Op } from '../../shared/wasm/opcodes.js'
import type { ModuleContext } from './module_context.js'

/**
 * run(context, contextBytes, repeat) -> i32: runs the program `repeat` times (0 counts as 1) with r1 = context, on
 * the stack of the CPU's context level. Returns the low word of the last r0; all of it lies in CPU.retval.
 */
export function emitEntry(module: ModuleContext): void {
  const f = module.builder.function('run', [I32, I32, I32], [I32])
  const [context, contextBytes, repeat] = f.params
  const frame = f.local(I32)
  const result = f.local(I64)
  const wideContext = f.local(I64)
  const area = globalGet(module.areaGlobal)
  const level = i32.mul(i32.load(area, CPU.contextLevel), FRAMES_MAX * FRAME_BYTES)
  const zero = i64.const(0)
  const checkArguments = module.checked ? [context, contextBytes] : []
  const main = module.functions.get(0)
  if (!main) throw new Error('the main program has no function')
  seq(set(frame, i32.add(i32.add(area, CPU.stack), level)), set(wideContext, i64.extendU(context)))(f)
  const again = f.loop()
  set(result, call(main, wideContext, zero, zero, zero, zero, frame, ...checkArguments))(f)
  push(f, i32.sub(repeat, 1))
  f.tee(repeat)
  f.i32Const(0)
  f.op(Op.i32_gt_s)
  f.brIf(again)
  f.end()
  seq(i64.store(area, result, CPU.retval), ret(i32.wrap(result)), (last) => last.op(Op.unreachable))(f)
  module.builder.export('run', f)
}
