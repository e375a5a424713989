/**
 * The probe_read family: reads of any address, checked here. Kernel memory is the machine's memory below the user
 * range, user memory the current task's window. Everything else answers as Linux does: an address that a kernel
 * pointer cannot be gives -ERANGE, an unmapped one -EFAULT, and a failed read leaves zeros.
 */
import { CPU, HEADER, NULL_GUARD_BYTES, TASK } from '../layout.js'
import { EFAULT, ERANGE } from '../uapi/errno.js'
import {
  brIf,
  call,
  define,
  type Emit,
  type Expr,
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
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { RuntimeEnvironment } from './environment.js'

const WORD_BYTES = 8
/** First address of the kernel's half of the address space: canonical addresses have 48 bits. */
const KERNEL_HALF = i64.const(0, 0xffff8000 | 0)
/** First non-canonical address above the user half. */
const USER_HALF_END = i64.const(0, 0x8000)
/** TASK_SIZE: bpf_probe_read takes addresses below it for user memory. */
const TASK_SIZE = i64.const(0xfffff000 | 0, 0x7fff)

const nothing = (f: FunctionBuilder) => f.i32Const(0)

/** Bytes readable from `address` on in kernel memory, 0 when it is none. */
function emitKernelRoom(env: RuntimeEnvironment): FunctionBuilder {
  return define(env.module, 'kernel_room', [I64], [I32], ([address], local) => {
    const low = local(I32)
    const end = local(I32)
    return seq(
      when(i32.eqz(i64.eqz(i64.shrU(address, i64.const(32)))), ret(0)),
      set(low, i32.wrap(address)),
      when(i32.ltU(low, NULL_GUARD_BYTES), ret(0)),
      when(i32.geU(low, tee(end, i32.load(HEADER.user))), ret(0)),
      ret(i32.sub(end, low)),
      nothing,
    )
  })
}

/** Bytes readable from `address` on in the current task's user memory, 0 when it is none. */
function emitUserRoom(env: RuntimeEnvironment): FunctionBuilder {
  return define(env.module, 'user_room', [I64], [I32], ([address], local) => {
    const task = local(I32)
    const offset = local(I32)
    const bytes = local(I32)
    return seq(
      when(i32.eqz(tee(task, i32.load(env.area, CPU.currentTask))), ret(0)),
      when(i32.eqz(i64.eqz(i64.shrU(address, i64.const(32)))), ret(0)),
      set(offset, i32.sub(i32.wrap(address), i32.load(task, TASK.userBase))),
      when(i32.geU(offset, tee(bytes, i32.load(task, TASK.userBytes))), ret(0)),
      ret(i32.sub(bytes, offset)),
      nothing,
    )
  })
}

/** What a failed read of `address` as kernel memory gives; `room` is not 0 when at least its start is readable. */
const kernelError = (address: Expr, room: Expr): Emit =>
  select(i32.or(i32.ne(room, 0), i64.geU(address, KERNEL_HALF)), -EFAULT, -ERANGE)

interface Rooms {
  readonly kernel: FunctionBuilder
  readonly user: FunctionBuilder
}

/** copy(to, bytes, from, room, error): copies when `room` suffices, else fills zeros and returns `error`. */
function emitCopy(env: RuntimeEnvironment): FunctionBuilder {
  return define(env.module, 'probe_copy', [I32, I32, I32, I32, I32], [I32], ([to, bytes, from, room, error]) =>
    seq(
      // Copying 0 bytes from outside the memory would trap.
      when(i32.eqz(bytes), ret(0)),
      when(i32.leU(bytes, room), seq(memoryCopy(to, from, bytes), ret(0))),
      memoryFill(to, 0, bytes),
      ret(error),
      nothing,
    ),
  )
}

/**
 * copy_text(to, bytes, from, room, error, word): copies up to and including a NUL, at most `bytes`, the last of them
 * always NUL; returns the length with it. Reaching the end of `room` first is a fault. With `word`, the rest of the
 * 8-byte word with the NUL becomes 0 too, as Linux's copy of user strings does.
 */
function emitCopyText(env: RuntimeEnvironment): FunctionBuilder {
  const params = [I32, I32, I32, I32, I32, I32]
  return define(env.module, 'probe_copy_text', params, [I32], ([to, bytes, from, room, error, word], local) => {
    const at = local(I32)
    const limit = local(I32)
    const byte = local(I32)
    const wordEnd = i32.and(i32.add(at, WORD_BYTES - 1), -WORD_BYTES)
    const clearWord = when(i32.and(word, i32.leU(wordEnd, limit)), memoryFill(i32.add(to, at), 0, i32.sub(wordEnd, at)))
    return seq(
      set(limit, select(i32.ltU(bytes, room), bytes, room)),
      loop((leave, again) =>
        seq(
          brIf(leave, i32.geU(at, limit)),
          i32.store8(i32.add(to, at), tee(byte, i32.load8U(i32.add(from, at)))),
          set(at, i32.add(at, 1)),
          brIf(again, byte),
          clearWord,
          ret(at),
        ),
      ),
      when(i32.eq(limit, bytes), seq(i32.store8(i32.add(to, i32.sub(bytes, 1)), 0), ret(bytes))),
      memoryFill(to, 0, bytes),
      ret(error),
      nothing,
    )
  })
}

type Body = (to: Local, bytes: Local, address: Local, room: Local) => Emit

function helper(env: RuntimeEnvironment, name: string, body: Body): void {
  const f = define(env.module, name, [I32, I32, I64], [I32], ([to, bytes, address], local) =>
    body(to, bytes, address, local(I32)),
  )
  env.module.export(name, f)
}

/** bpf_probe_read, _user and _kernel: 0, -EFAULT or -ERANGE. */
function emitReads(env: RuntimeEnvironment, rooms: Rooms): void {
  const copy = emitCopy(env)
  const readKernel: Body = (to, bytes, address, room) => (f) => {
    set(room, call(rooms.kernel, address))(f)
    // Linux looks at the address before the size: nothing is read from where no kernel pointer can point.
    when(
      i32.eqz(i32.or(i32.ne(room, 0), i64.geU(address, KERNEL_HALF))),
      seq(memoryFill(to, 0, bytes), ret(-ERANGE)),
    )(f)
    call(copy, to, bytes, i32.wrap(address), room, kernelError(address, room))(f)
  }
  const readUser: Body = (to, bytes, address, room) => (f) => {
    set(room, call(rooms.user, address))(f)
    const noUser = i32.or(call(rooms.kernel, address), i64.geU(address, USER_HALF_END))
    when(noUser, seq(memoryFill(to, 0, bytes), ret(-EFAULT)))(f)
    call(copy, to, bytes, i32.wrap(address), room, -EFAULT)(f)
  }
  helper(env, 'bpf_probe_read_kernel', readKernel)
  helper(env, 'bpf_probe_read_user', readUser)
  helper(env, 'bpf_probe_read', (to, bytes, address, room) =>
    when(isUserAddress(rooms, address), readUser(to, bytes, address, room), readKernel(to, bytes, address, room), I32),
  )
}

const isUserAddress = (rooms: Rooms, address: Local): Emit =>
  i32.and(i64.ltU(address, TASK_SIZE), i32.eqz(call(rooms.kernel, address)))

/** bpf_probe_read_str, _user_str and _kernel_str: the length with NUL, -EFAULT or -ERANGE; size 0 does nothing. */
function emitTexts(env: RuntimeEnvironment, rooms: Rooms): void {
  const copyText = emitCopyText(env)
  const fromKernel: Body = (to, bytes, address, room) => (f) => {
    set(room, call(rooms.kernel, address))(f)
    call(copyText, to, bytes, i32.wrap(address), room, kernelError(address, room), 0)(f)
  }
  const fromUser: Body = (to, bytes, address) =>
    call(copyText, to, bytes, i32.wrap(address), call(rooms.user, address), -EFAULT, 1)
  const text = (name: string, read: Body) =>
    helper(env, name, (to, bytes, address, room) => seq(when(i32.eqz(bytes), ret(0)), read(to, bytes, address, room)))
  text('bpf_probe_read_kernel_str', fromKernel)
  text('bpf_probe_read_user_str', fromUser)
  text('bpf_probe_read_str', (to, bytes, address, room) =>
    when(isUserAddress(rooms, address), fromUser(to, bytes, address, room), fromKernel(to, bytes, address, room), I32),
  )
}

/** Emits the six probe_read helpers. */
export function emitProbe(env: RuntimeEnvironment): void {
  const rooms = { kernel: emitKernelRoom(env), user: emitUserRoom(env) }
  emitReads(env, rooms)
  emitTexts(env, rooms)
}
