/**
 * bpf_perf_event_output: the producer's side of a perf ring (perf_event_open(2), linux/perf_event.h).
 *
 * Only programs on the ring's own CPU write, so there is no lock. A record is invisible until data_head moves: that
 * one store publishes it, together with the LOST record before it, if there is one.
 */
import {
  CPU,
  INTENT,
  IntentKind,
  MAP,
  PAGE_BYTES,
  PERF_LOST,
  PERF_MMAP_PAGE,
  PERF_RING,
  PERF_SAMPLE,
} from '../layout.js'
import { descriptorSlot } from '../maps/descriptor_array.js'
import { ringMain } from '../sync/doorbell.js'
import type { Environment } from '../sync/environment.js'
import { E2BIG, EFAULT, EINVAL, ENOENT, ENOSPC, EOPNOTSUPP } from '../uapi/errno.js'
import {
  PERF_COUNT_SW_BPF_OUTPUT,
  PERF_RECORD_LOST,
  PERF_RECORD_LOST_BYTES,
  PERF_RECORD_SAMPLE,
} from '../uapi/perf_event.js'
import {
  brIf,
  call,
  define,
  type Expr,
  I32,
  I64,
  i32,
  i64,
  loop,
  memoryCopy,
  ret,
  type Statement,
  select,
  seq,
  set,
  tee,
  when,
} from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'

/** The index field of the flags, all ones: the current CPU's slot. */
const BPF_F_CURRENT_CPU = 0xffffffff | 0
/** Above the index, packet programs say in 20 bits how many bytes of the packet to append. */
const CONTEXT_LENGTH_BITS = 20
/** PERF_RECORD_MISC_KERNEL: Linux marks every sample of a program so. */
const MISC_KERNEL = 1
/** The longest record whose size, a multiple of 8, fits the header's 16 bits; and the raw bytes that go into it. */
const RECORD_MAX_BYTES = 65528
export const PERF_RAW_MAX_BYTES = RECORD_MAX_BYTES - PERF_SAMPLE.raw
/** From here on memory.copy is faster than a loop over words. */
const COPY_LOOP_BYTES = 128

/** Where a packet program's context keeps the packet's bounds. */
export interface PacketContext {
  readonly data: number
  readonly dataEnd: number
}

export interface PerfOutput {
  /** For programs without a packet: any flag above the index is -EINVAL. */
  readonly plain: FunctionBuilder
  /** For programs with a packet: appends bytes of it when asked to. One for each context given. */
  readonly packet: FunctionBuilder[]
}

/**
 * Defines `bpf_perf_event_output(ctx i32, map i32, flags i64, data i32, size i32) -> i32` and a variant for each
 * packet context. Results: 0; -EINVAL for unknown flags or an event that is no BPF output; -E2BIG for an index past
 * the map's end, or a sample longer than PERF_RAW_MAX_BYTES (for which Linux writes a broken record); -ENOENT for an
 * empty slot; -EOPNOTSUPP for another CPU's event or a disabled one; -ENOSPC for a full ring or one without pages;
 * -EFAULT for more bytes than the packet has.
 */
export function emitPerfOutput(
  module: ModuleBuilder,
  env: Environment,
  packets: readonly { name: string; context: PacketContext }[] = [],
): PerfOutput {
  const wrapped = emitCopyWrapped(module)
  const publish = emitPublish(module, env)
  const shared = { env, wrapped, publish, lost: emitLost(module) }
  return {
    plain: emitOutput(module, shared, 'bpf_perf_event_output'),
    packet: packets.map(({ name, context }) => emitOutput(module, shared, name, context)),
  }
}

interface Shared {
  readonly env: Environment
  readonly wrapped: FunctionBuilder
  readonly publish: FunctionBuilder
  readonly lost: FunctionBuilder
}

const align8 = (value: Expr): Expr => i32.and(i32.add(value, 7), -8)

function emitOutput(module: ModuleBuilder, shared: Shared, name: string, packet?: PacketContext): FunctionBuilder {
  const { env } = shared
  return define(module, name, [I32, I32, I64, I32, I32], [I32], ([ctx, map, flags, data, size], local) => {
    const ring = local(I32)
    const appended = local(I32)
    const head = local(I32)
    const base = local(I32)
    const page = local(I32)
    const room = local(I32)
    const pending = local(I32)
    const write = local(I32)
    const total = local(I32)
    const bytes = packet ? i32.add(size!, appended) : size!
    const mask = i32.sub(i32.load(ring, PERF_RING.dataBytes), 1)
    const free = i32.and(i32.sub(i32.sub(i32.atomicLoad(page, PERF_MMAP_PAGE.dataTail), head), 1), mask)
    return seq(
      packet ? takePacket(packet, ctx!, flags!, appended) : refuseFlags(flags!),
      findRing(env, map!, flags!, ring),
      when(i32.eqz(tee(page, i32.load(ring, PERF_RING.page))), ret(-ENOSPC)),
      // Either part alone may be huge: a sum that wraps must not pass.
      when(i32.gtU(size!, PERF_RAW_MAX_BYTES), ret(-E2BIG)),
      when(i32.gtU(bytes, PERF_RAW_MAX_BYTES), ret(-E2BIG)),
      set(total, i32.add(align8(i32.add(bytes, 4)), 8)),
      set(head, i32.load(page, PERF_MMAP_PAGE.dataHead)),
      set(pending, i32.sub(i32.load(ring, PERF_RING.lostTotal), i32.load(ring, PERF_RING.lostReported))),
      set(room, i32.add(total, select(pending, PERF_RECORD_LOST_BYTES, 0))),
      when(i32.ltU(free, room), refuse(env, ring)),
      intend(env, ring, pending, i32.add(head, room)),
      set(base, i32.add(page, PAGE_BYTES)),
      set(write, head),
      when(
        pending,
        seq(
          (f) => call(shared.lost, base, mask, head, i32.load(ring, PERF_RING.id), pending)(f),
          env.fault('perf.lostRecord'),
          set(write, i32.add(head, PERF_RECORD_LOST_BYTES)),
        ),
      ),
      writeSample(shared, { base, mask, write, total, data: data!, size: size!, ctx: ctx!, appended, packet }),
      env.fault('perf.record'),
      call(shared.publish, ring, page, room, pending),
    )
  })
}

function refuseFlags(flags: Expr): Statement {
  return when(i64.ne(i64.shrU(flags, i64.const(32)), i64.const(0)), ret(-EINVAL))
}

/** Sets `appended` to the bytes of the packet that the flags ask for. */
function takePacket(packet: PacketContext, ctx: Expr, flags: Expr, appended: Local): Statement {
  const length = i32.sub(i32.load(ctx, packet.dataEnd), i32.load(ctx, packet.data))
  return seq(
    when(i64.ne(i64.shrU(flags, i64.const(32 + CONTEXT_LENGTH_BITS)), i64.const(0)), ret(-EINVAL)),
    set(appended, i32.wrap(i64.shrU(flags, i64.const(32)))),
    when(i32.gtU(appended, length), ret(-EFAULT)),
  )
}

/** Sets `ring` to the slot's event, which must be this CPU's. */
function findRing(env: Environment, map: Expr, flags: Expr, ring: Local): Statement {
  return seq(
    set(ring, i32.wrap(flags)),
    when(i32.eq(ring, BPF_F_CURRENT_CPU), set(ring, env.cpu)),
    when(i32.geU(ring, i32.load(map, MAP.maxEntries)), ret(-E2BIG)),
    set(ring, i32.atomicLoad(descriptorSlot(map, ring))),
    when(i32.eqz(ring), ret(-ENOENT)),
    when(i32.ne(i32.load(ring, PERF_RING.config), PERF_COUNT_SW_BPF_OUTPUT), ret(-EINVAL)),
    when(
      i32.or(i32.ne(i32.load(ring, PERF_RING.cpu), env.cpu), i32.eqz(i32.load(ring, PERF_RING.enabled))),
      ret(-EOPNOTSUPP),
    ),
  )
}

function refuse(env: Environment, ring: Local): Statement {
  return seq(
    when(i32.eqz(i32.load(ring, PERF_RING.dataBytes)), ret(-ENOSPC)),
    i32.store(ring, i32.add(i32.load(ring, PERF_RING.lostTotal), 1), PERF_RING.lostTotal),
    env.fault('perf.refused'),
    ret(-ENOSPC),
  )
}

/** From here to the end of publish the intent record names the ring, so that a dead CPU's bookkeeping can be ended. */
function intend(env: Environment, ring: Local, pending: Local, newHead: Expr): Statement {
  const write = (field: number, value: Expr) => i32.store(env.area, value, CPU.intent + field)
  return seq(
    write(INTENT.object, ring),
    when(
      pending,
      seq(
        write(INTENT.a, newHead),
        write(INTENT.b, i32.load(ring, PERF_RING.lostTotal)),
        write(INTENT.kind, IntentKind.perfOutputLost),
      ),
      write(INTENT.kind, IntentKind.perfOutput),
    ),
    env.fault('perf.intent'),
  )
}

interface SampleParts {
  readonly base: Local
  readonly mask: Expr
  readonly write: Local
  readonly total: Local
  readonly data: Local
  readonly size: Local
  readonly ctx: Local
  readonly appended: Local
  readonly packet?: PacketContext
}

/** Header, raw size, the program's bytes, the packet's bytes, zeroes up to the record's end. */
function writeSample(shared: Shared, parts: SampleParts): Statement {
  const { base, mask, write, total, data, size, ctx, appended, packet } = parts
  const at = i32.add(base, i32.and(write, mask))
  const header = i64.or(
    i64.const(PERF_RECORD_SAMPLE, MISC_KERNEL),
    i64.shl(i64.extendU(total), i64.const(PERF_SAMPLE.size * 8)),
  )
  const rawAt = i32.add(write, PERF_SAMPLE.raw)
  const copy = (from: Expr, bytes: Expr, position: Expr) =>
    call(shared.wrapped, base, mask, position, from, bytes) as Statement
  const append = packet ? when(appended, copy(i32.load(ctx, packet.data), appended, i32.add(rawAt, size))) : seq()
  return seq(
    i64.store(at, header),
    // The record's last word first: it may be the one with the raw size.
    i64.store(i32.add(base, i32.and(i32.add(write, i32.sub(total, 8)), mask)), i64.const(0)),
    i32.store(i32.add(base, i32.and(i32.add(write, PERF_SAMPLE.rawBytes), mask)), i32.sub(total, PERF_SAMPLE.raw)),
    copy(data, size, rawAt),
    append,
  )
}

/** copy_wrapped(base, mask, position, from, bytes): copies into the ring, around its end if need be. */
function emitCopyWrapped(module: ModuleBuilder): FunctionBuilder {
  return define(module, 'copy_wrapped', [I32, I32, I32, I32, I32], [], (params, local) => {
    const [base, mask, position, from, bytes] = params as [Local, Local, Local, Local, Local]
    const to = local(I32)
    const first = local(I32)
    const toEnd = i32.sub(i32.add(mask, 1), i32.and(position, mask))
    const advance = (width: number) =>
      seq(set(to, i32.add(to, width)), set(from, i32.add(from, width)), set(bytes, i32.sub(bytes, width)))
    return seq(
      set(to, i32.add(base, i32.and(position, mask))),
      when(
        i32.gtU(bytes, toEnd),
        seq(
          set(first, toEnd),
          memoryCopy(to, from, first),
          memoryCopy(base, i32.add(from, first), i32.sub(bytes, first)),
          ret(),
        ),
      ),
      when(i32.gtU(bytes, COPY_LOOP_BYTES), seq(memoryCopy(to, from, bytes), ret())),
      loop((leave) => seq(brIf(leave, i32.ltU(bytes, 8)), i64.store(to, i64.load(from)), advance(8))),
      when(i32.and(bytes, 4), seq(i32.store(to, i32.load(from)), advance(4))),
      when(i32.and(bytes, 2), seq(i32.store16(to, i32.load16U(from)), advance(2))),
      when(i32.and(bytes, 1), i32.store8(to, i32.load8U(from))),
    )
  })
}

/** perf_lost(base, mask, position, id, lost): writes a PERF_RECORD_LOST. */
function emitLost(module: ModuleBuilder): FunctionBuilder {
  return define(module, 'perf_lost', [I32, I32, I32, I32, I32], [], (params) => {
    const [base, mask, position, id, lost] = params as [Local, Local, Local, Local, Local]
    const at = (offset: number) => i32.add(base, i32.and(i32.add(position, offset), mask))
    const sizeHigh = PERF_RECORD_LOST_BYTES << ((PERF_SAMPLE.size - PERF_SAMPLE.misc) * 8)
    return seq(
      i64.store(at(0), i64.const(PERF_RECORD_LOST, sizeHigh)),
      i64.store(at(PERF_LOST.id), i64.extendU(id)),
      i64.store(at(PERF_LOST.lost), i64.extendU(lost)),
    )
  })
}

/** perf_publish(ring, page, room, pending) -> 0: moves data_head, counts, and wakes the reader when it is time. */
function emitPublish(module: ModuleBuilder, env: Environment): FunctionBuilder {
  return define(module, 'perf_publish', [I32, I32, I32, I32], [I32], (params, local) => {
    const [ring, page, room, pending] = params as [Local, Local, Local, Local]
    const head = local(I64)
    const events = i32.add(i32.load(ring, PERF_RING.events), 1)
    const counted = i64.or(i64.extendU(events), i64.shl(head, i64.const(32)))
    return seq(
      set(head, i64.add(i64.load(page, PERF_MMAP_PAGE.dataHead), i64.extendU(room))),
      i64.atomicStore(page, head, PERF_MMAP_PAGE.dataHead),
      env.fault('perf.published'),
      when(
        pending,
        seq(
          i32.store(ring, i32.load(ring, PERF_RING.lostTotal), PERF_RING.lostReported),
          env.fault('perf.lostReported'),
        ),
      ),
      i64.store(ring, counted, PERF_RING.events),
      env.fault('perf.counted'),
      wakeUp(env, ring, i32.wrap(head), local(I32), local(I32)),
      i32.store(env.area, IntentKind.none, CPU.intent + INTENT.kind),
      i32.const(0),
    )
  })
}

/** Linux wakes on the watermark and on every wakeup_events-th sample; the latter moves the watermark's base by one. */
function wakeUp(env: Environment, ring: Local, head: Expr, due: Local, count: Local): Statement {
  const add = (field: number, value: Expr) => i32.store(ring, i32.add(i32.load(ring, field), value), field)
  const written = i32.sub(head, i32.load(ring, PERF_RING.wakeupAt))
  return seq(
    when(
      i32.gtU(written, i32.load(ring, PERF_RING.watermarkBytes)),
      seq(add(PERF_RING.wakeupAt, i32.load(ring, PERF_RING.watermarkBytes)), set(due, 1)),
    ),
    when(
      i32.load(ring, PERF_RING.wakeupEvents),
      seq(
        set(count, i32.add(i32.load(ring, PERF_RING.sinceWakeup), 1)),
        when(
          i32.geU(count, i32.load(ring, PERF_RING.wakeupEvents)),
          seq(
            set(count, i32.sub(count, i32.load(ring, PERF_RING.wakeupEvents))),
            add(PERF_RING.wakeupAt, 1),
            set(due, 1),
          ),
        ),
        i32.store(ring, count, PERF_RING.sinceWakeup),
      ),
    ),
    when(
      due,
      seq(
        env.fault('perf.wakeup'),
        add(PERF_RING.wakeups, 1),
        // While the reader has not taken the last wake-up, it looks at the ring before it sleeps.
        when(
          i32.eqz(i32.atomicLoad(ring, PERF_RING.ready)),
          seq(i32.atomicStore(ring, 1, PERF_RING.ready), env.fault('perf.ready'), ringMain),
        ),
      ),
    ),
  )
}
