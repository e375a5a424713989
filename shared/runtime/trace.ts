/**
 * trace_append: writes one record into trace_pipe's ring. The record becomes visible with the store of the head, so a
 * thread that dies before leaves nothing but the lock.
 */

import { CPU, HEADER, TASK, TRACE, TRACE_PADDING_CPU, TRACE_RECORD, TRACE_RING_BYTES } from '../layout.js'
import { ringMain } from '../sync/doorbell.js'
import { call, define, drop, I32, i32, i64, memoryCopy, ret, seq, set, tee, when } from '../wasm/dsl.js'
import type { FunctionBuilder } from '../wasm/function.js'
import type { RuntimeEnvironment } from './environment.js'

const RECORD_ALIGN = 8

const alignRecord = (bytes: Parameters<typeof i32.add>[0]) => i32.and(i32.add(bytes, RECORD_ALIGN - 1), -RECORD_ALIGN)

/**
 * trace_append(text, textBytes, flags, preempt) -> 0, -EBUSY when the lock could not be had, or 1 when the ring is full
 * and the line is dropped and counted. flags and preempt: as in a trace event's common fields.
 */
export function emitTrace(env: RuntimeEnvironment, copyComm: FunctionBuilder): void {
  const name = 'trace_append'
  const put = emitPut(env, copyComm)
  const f = define(env.module, name, [I32, I32, I32, I32], [I32], ([text, textBytes, flags, preempt], local) => {
    const trace = local(I32)
    const result = local(I32)
    const lock = i32.add(trace, TRACE.lock)
    return seq(
      set(trace, i32.load(0, HEADER.trace)),
      when(tee(result, env.locks.lock(lock)), ret(result)),
      set(result, call(put, trace, text, textBytes, flags, preempt)),
      env.locks.unlock(lock),
      when(i32.eqz(result), ringMain),
      ret(result),
      (body) => body.i32Const(0),
    )
  })
  env.module.export(name, f)
}

/** Under the lock: 0, or 1 when there is no room. A record never wraps: what is left at the end becomes padding. */
function emitPut(env: RuntimeEnvironment, copyComm: FunctionBuilder): FunctionBuilder {
  const params = [I32, I32, I32, I32, I32]
  return define(env.module, 'trace_put', params, [I32], ([trace, text, textBytes, flags, preempt], local) => {
    const head = local(I32)
    const bytes = local(I32)
    const left = local(I32)
    const need = local(I32)
    const record = local(I32)
    const task = local(I32)
    const at = (position: typeof head) => i32.add(i32.add(trace, TRACE.data), i32.and(position, TRACE_RING_BYTES - 1))
    const room = i32.sub(TRACE_RING_BYTES, i32.sub(head, i32.atomicLoad(trace, TRACE.tail)))
    return seq(
      set(head, i32.load(trace, TRACE.head)),
      set(bytes, i32.add(TRACE_RECORD.$bytes, alignRecord(textBytes))),
      set(left, i32.sub(TRACE_RING_BYTES, i32.and(head, TRACE_RING_BYTES - 1))),
      set(need, bytes),
      when(i32.ltU(left, bytes), set(need, i32.add(bytes, left))),
      when(i32.gtU(need, room), seq(drop(i32.atomicAdd(trace, 1, TRACE.dropped)), ret(1))),
      set(record, at(head)),
      when(
        i32.ltU(left, bytes),
        seq(
          i32.store(record, left, TRACE_RECORD.bytes),
          i32.store16(record, TRACE_PADDING_CPU, TRACE_RECORD.cpu),
          set(record, i32.add(trace, TRACE.data)),
        ),
      ),
      i32.store(record, bytes, TRACE_RECORD.bytes),
      i32.store16(record, i32.load(env.area, CPU.number), TRACE_RECORD.cpu),
      i32.store8(record, flags, TRACE_RECORD.flags),
      i32.store8(record, preempt, TRACE_RECORD.preempt),
      i32.store(record, 0, TRACE_RECORD.pid),
      set(task, i32.load(env.area, CPU.currentTask)),
      when(task, i32.store(record, i32.load(task, TASK.pid), TRACE_RECORD.pid)),
      i32.store(record, textBytes, TRACE_RECORD.textBytes),
      i64.store(record, i64.truncF64(env.now), TRACE_RECORD.timeNs),
      (body) => {
        i32.add(record, TRACE_RECORD.comm)(body)
        body.call(copyComm.index)
      },
      memoryCopy(i32.add(record, TRACE_RECORD.$bytes), text, textBytes),
      env.fault('trace.record'),
      i32.atomicStore(trace, i32.add(head, need), TRACE.head),
      env.fault('trace.published'),
      ret(0),
      (body) => body.i32Const(0),
    )
  })
}
