/** Helpers about the running CPU and task: bpf-helpers(7). Without a task the CPU's idle task, pid 0, is current. */
import { COMM_BYTES, CPU, TASK } from '../layout.js'
import {
  br,
  brIf,
  define,
  I32,
  I64,
  i32,
  i64,
  loop,
  memoryCopy,
  memoryFill,
  ret,
  select,
  seq,
  set,
  tee,
  when,
} from '../wasm/dsl.js'
import type { RuntimeEnvironment } from './environment.js'

const TENS = 10
const ASCII_0 = 0x30

/** Two words of the current task as one number, `high` in bits 32-63; 0 when no task runs. */
function emitTaskPair(env: RuntimeEnvironment, name: string, low: number, high: number): void {
  const { module } = env
  const f = define(module, name, [], [I64], (_, local) => {
    const task = local(I32)
    return seq(
      when(i32.eqz(tee(task, i32.load(env.area, CPU.currentTask))), ret(i64.const(0))),
      ret(i64.or(i64.shl(i64.load32U(task, high), i64.const(32)), i64.load32U(task, low))),
      (body) => body.i64Const(0, 0),
    )
  })
  module.export(name, f)
}

/** Copies the 16 bytes of the current comm, or the idle task's, to scratch at `buffer`: shared with trace records. */
export function emitCopyComm(env: RuntimeEnvironment) {
  return define(env.module, 'copy_comm', [I32], [], ([buffer], local) => {
    const task = local(I32)
    const number = local(I32)
    return seq(
      when(
        tee(task, i32.load(env.area, CPU.currentTask)),
        seq(memoryCopy(buffer, i32.add(task, TASK.comm), COMM_BYTES), ret()),
      ),
      memoryFill(buffer, 0, COMM_BYTES),
      ...[...'swapper/'].map((char, at) => i32.store8(buffer, char.charCodeAt(0), at)),
      set(number, i32.load(env.area, CPU.number)),
      set(task, i32.add(buffer, 'swapper/'.length)),
      when(
        i32.geU(number, TENS),
        seq(i32.store8(task, i32.add(ASCII_0, i32.divU(number, TENS))), set(task, i32.add(task, 1))),
      ),
      i32.store8(task, i32.add(ASCII_0, i32.remU(number, TENS))),
    )
  })
}

/** bpf_get_current_comm(buf, size): copies what fits, always ends with NUL, fills the rest with zeros; returns 0. */
function emitComm(env: RuntimeEnvironment, copyComm: ReturnType<typeof emitCopyComm>): void {
  const name = 'bpf_get_current_comm'
  const f = define(env.module, name, [I32, I32], [I32], ([buffer, bytes], local) => {
    const from = local(I32)
    const at = local(I32)
    const byte = local(I32)
    return seq(
      when(i32.eqz(bytes), ret(0)),
      // The CPU area's helper arguments are free while a WASM helper runs: 16 bytes of them hold the comm.
      set(from, i32.add(env.area, CPU.helperArguments)),
      (body) => {
        body.get(from)
        body.call(copyComm.index)
      },
      memoryFill(buffer, 0, bytes),
      set(bytes, i32.sub(bytes, 1)),
      set(bytes, select(i32.ltU(bytes, COMM_BYTES), bytes, COMM_BYTES)),
      loop((leave, again) =>
        seq(
          brIf(leave, i32.geU(at, bytes)),
          brIf(leave, i32.eqz(tee(byte, i32.load8U(i32.add(from, at))))),
          i32.store8(i32.add(buffer, at), byte),
          set(at, i32.add(at, 1)),
          br(again),
        ),
      ),
      ret(0),
      (body) => body.i32Const(0),
    )
  })
  env.module.export(name, f)
}

/** Emits the helpers that tell who and where the program runs. */
export function emitCurrent(env: RuntimeEnvironment, copyComm: ReturnType<typeof emitCopyComm>): void {
  emitTaskPair(env, 'bpf_get_current_pid_tgid', TASK.pid, TASK.tgid)
  emitTaskPair(env, 'bpf_get_current_uid_gid', TASK.uid, TASK.gid)
  emitComm(env, copyComm)
  const cpu = define(env.module, 'bpf_get_smp_processor_id', [], [I64], () => i64.load32U(env.area, CPU.number))
  env.module.export('bpf_get_smp_processor_id', cpu)
}
