/** How a writer of an LRU hash gets elements, and gives them back. */
import { CPU, INTENT, IntentKind, LRU_ELEMENT, LRU_LIST, LRU_WRITER, LruList, MAP } from '../layout.js'
import {
  block,
  br,
  brIf,
  call,
  define,
  type Expr,
  I32,
  i32,
  loop,
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
import type { TableModule } from './hash_table.js'
import {
  change,
  countOf,
  drops,
  elementOf,
  emitEvict,
  emitRotate,
  emitShrink,
  firstOf,
  headOf,
  hold,
  isEmpty,
  isReferenced,
  lastOf,
  linkOf,
  moveLink,
  moveToFree,
  moveWithin,
  type Parts,
  writerAt,
} from './lru_list.js'

/** The lists' operations, as functions of the module that is being built. */
export interface LruCode {
  /** take(map, slot, bucket) -> an element for that bucket, held by `slot` (a LRU_WRITER), or 0. */
  readonly take: FunctionBuilder
  /** free(map, slot, element): gives an element that `slot` holds back. */
  readonly free: FunctionBuilder
  /** Address of this thread's LRU_WRITER. */
  slot(map: Expr): Expr
  /** Says in the intent record that this thread may hold an element from now on. */
  begin(map: Expr, slot: Expr): Statement
  end(): Statement
}

/** Defines them; `ownLists` for BPF_F_NO_COMMON_LRU. */
export function emitLru(module: ModuleBuilder, table: TableModule, ownLists: boolean): LruCode {
  const { env } = table
  const parts: Parts = { module, table, ownLists, evict: emitEvict(module, table) }
  const take = ownLists ? emitTakeOwn(parts) : emitTakeCommon(parts)
  const write = (field: number, value: Expr) => i32.store(env.area, value, CPU.intent + field)
  return {
    take,
    free: ownLists ? emitFreeOwn(parts) : emitFreeCommon(parts),
    slot: (map) => writerAt(map, env.writer),
    begin: (map, slot) => seq(write(INTENT.object, map), write(INTENT.a, slot), write(INTENT.kind, IntentKind.lruHold)),
    end: () => write(INTENT.kind, IntentKind.none),
  }
}

/** refill(map, slot): flushes the writer's pending elements to the shared lists and takes free ones from there. */
function emitRefill(parts: Parts): FunctionBuilder {
  const { module, table } = parts
  const { locks, env } = table
  const rotate = emitRotate(parts)
  const shrink = emitShrink(parts)
  return define(module, 'lru_refill', [I32, I32], [], ([map, slot], local) => {
    const list = local(I32)
    const link = local(I32)
    const next = local(I32)
    const element = local(I32)
    const kind = local(I32)
    const left = local(I32)
    const pending = i32.add(slot!, LRU_WRITER.pending)
    const free = headOf(list, LruList.free)
    const localFree = i32.add(slot!, LRU_WRITER.localFree)
    const lock = i32.add(list, LRU_LIST.lock)
    const flush = seq(
      set(link, lastOf(pending)),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(link, pending)),
          set(next, lastOf(link)),
          set(element, elementOf(link)),
          set(kind, select(isReferenced(element), LruList.active, LruList.inactive)),
          change(countOf(list, kind), 1),
          i32.store(element, kind, LRU_ELEMENT.list),
          i32.store(element, 0, LRU_ELEMENT.referenced),
          moveLink(link, headOf(list, kind)),
          env.fault('lru.flushed'),
          set(link, next),
        ),
      ),
    )
    return seq(
      set(list, i32.load(map!, MAP.lru)),
      when(locks.lock(lock, 'innerLock'), ret()),
      flush,
      call(rotate, list),
      set(left, i32.load(map!, MAP.lruTarget)),
      loop((leave) =>
        seq(
          brIf(leave, i32.eqz(left)),
          brIf(leave, i32.eq(tee(link, firstOf(free)), free)),
          set(element, elementOf(link)),
          moveToFree(list, element, localFree, LruList.localFree),
          set(left, i32.sub(left, 1)),
        ),
      ),
      when(left, call(shrink, map!, list, left, localFree, LruList.localFree)),
      locks.unlock(lock, 'innerLock'),
    )
  })
}

/** From a free or pending list of `victim` to the front of its pending list. */
function claim({ table }: Parts, victim: Expr, slot: Expr, element: Local, bucket: Expr, index: Expr): Statement {
  return seq(
    moveLink(linkOf(element), i32.add(victim, LRU_WRITER.pending)),
    i32.store(element, LruList.pending, LRU_ELEMENT.list),
    i32.store(element, index, LRU_ELEMENT.writer),
    i32.store(element, 0, LRU_ELEMENT.referenced),
    hold(slot, element, bucket),
    table.env.fault('lru.claimed'),
  )
}

/** steal(map, slot, bucket) -> element: a free one of any writer, or else its oldest pending one; 0 when all are held. */
function emitSteal(parts: Parts): FunctionBuilder {
  const { module, table, evict } = parts
  const { locks } = table
  return define(module, 'lru_steal', [I32, I32, I32], [I32], ([map, slot, bucket], local) => {
    const index = local(I32)
    const first = local(I32)
    const victim = local(I32)
    const element = local(I32)
    const link = local(I32)
    const force = local(I32)
    const localFree = i32.add(victim, LRU_WRITER.localFree)
    const pending = i32.add(victim, LRU_WRITER.pending)
    const lock = i32.add(victim, LRU_WRITER.lock)
    // Unmarked ones first; when all are marked, any. `link` names the one found, or the list's head.
    const oldest = block((found) =>
      seq(
        set(force, 0),
        loop((_leave, again) =>
          seq(
            set(link, lastOf(pending)),
            loop((leave) =>
              seq(
                brIf(leave, i32.eq(link, pending)),
                when(
                  i32.or(force, i32.eqz(isReferenced(elementOf(link)))),
                  brIf(found, call(evict, map!, elementOf(link))),
                ),
                set(link, lastOf(link)),
              ),
            ),
            brIf(found, force),
            set(force, 1),
            br(again),
          ),
        ),
      ),
    )
    const fromVictim = seq(
      when(isEmpty(localFree), oldest, set(link, firstOf(localFree))),
      when(
        i32.ne(link, pending),
        seq(set(element, elementOf(link)), claim(parts, victim, slot!, element, bucket!, index)),
      ),
    )
    return seq(
      set(index, tee(first, i32.load(slot!, LRU_WRITER.nextSteal))),
      loop((leave) =>
        seq(
          set(victim, writerAt(map!, index)),
          when(locks.lock(lock), ret(0)),
          fromVictim,
          locks.unlock(lock),
          when(i32.eq(tee(index, i32.add(index, 1)), i32.load(map!, MAP.writerCount)), set(index, 0)),
          brIf(leave, element),
          brIf(leave, i32.eq(index, first)),
        ),
      ),
      i32.store(slot!, index, LRU_WRITER.nextSteal),
      (f) => f.get(element),
    )
  })
}

function emitTakeCommon(parts: Parts): FunctionBuilder {
  const { module, table } = parts
  const { locks, env } = table
  const refill = emitRefill(parts)
  const steal = emitSteal(parts)
  return define(module, 'lru_take', [I32, I32, I32], [I32], ([map, slot, bucket], local) => {
    const element = local(I32)
    const lock = i32.add(slot!, LRU_WRITER.lock)
    const localFree = i32.add(slot!, LRU_WRITER.localFree)
    return seq(
      when(locks.lock(lock), ret(0)),
      when(isEmpty(localFree), call(refill, map!, slot!)),
      when(
        i32.eqz(isEmpty(localFree)),
        seq(set(element, elementOf(firstOf(localFree))), claim(parts, slot!, slot!, element, bucket!, env.writer)),
      ),
      locks.unlock(lock),
      when(i32.eqz(element), set(element, call(steal, map!, slot!, bucket!))),
      (f) => f.get(element),
    )
  })
}

/** Elements of a pending list go to that writer's free list, others to the shared one. */
function emitFreeCommon({ module, table }: Parts): FunctionBuilder {
  const { locks, env } = table
  return define(module, 'lru_free', [I32, I32, I32], [], ([map, slot, element], local) => {
    const owner = local(I32)
    const list = local(I32)
    const isPending = i32.eq(i32.load(element!, LRU_ELEMENT.list), LruList.pending)
    const ownerLock = i32.add(owner, LRU_WRITER.lock)
    const toOwner = seq(
      i32.store(element!, LruList.localFree, LRU_ELEMENT.list),
      i32.store(element!, 0, LRU_ELEMENT.referenced),
      moveLink(linkOf(element!), i32.add(owner, LRU_WRITER.localFree)),
      drops(slot!, element!),
      env.fault('lru.freed'),
      locks.unlock(ownerLock),
      ret(),
    )
    return seq(
      when(
        isPending,
        seq(
          set(owner, writerAt(map!, i32.load(element!, LRU_ELEMENT.writer))),
          when(locks.lock(ownerLock), seq(drops(slot!, element!), ret())),
          when(isPending, toOwner),
          locks.unlock(ownerLock),
        ),
      ),
      set(list, i32.load(map!, MAP.lru)),
      freeTo(locks, slot!, element!, list, env.fault('lru.freed')),
    )
  })
}

/** To the free list of `list`. Who cannot lock it leaves the element where it is: the next eviction finds it loose. */
function freeTo(locks: TableModule['locks'], slot: Expr, element: Local, list: Local, fault: Statement): Statement {
  const lock = i32.add(list, LRU_LIST.lock)
  return seq(
    when(locks.lock(lock), seq(drops(slot, element), ret())),
    moveWithin(list, element, LruList.free),
    drops(slot, element),
    fault,
    locks.unlock(lock),
  )
}

/** A CPU's own lists; the main thread uses those of CPU 0. */
function emitTakeOwn(parts: Parts): FunctionBuilder {
  const { module, table } = parts
  const { locks, env } = table
  const rotate = emitRotate(parts)
  const shrink = emitShrink(parts)
  return define(module, 'lru_take', [I32, I32, I32], [I32], ([map, slot, bucket], local) => {
    const list = local(I32)
    const element = local(I32)
    const free = headOf(list, LruList.free)
    const lock = i32.add(list, LRU_LIST.lock)
    return seq(
      set(list, i32.add(writerAt(map!, env.valueCpu), LRU_WRITER.list)),
      when(locks.lock(lock), ret(0)),
      call(rotate, list),
      when(isEmpty(free), call(shrink, map!, list, i32.load(map!, MAP.lruTarget), free, LruList.free)),
      when(
        i32.eqz(isEmpty(free)),
        seq(
          set(element, elementOf(firstOf(free))),
          moveWithin(list, element, LruList.inactive),
          hold(slot!, element, bucket!),
          env.fault('lru.claimed'),
        ),
      ),
      locks.unlock(lock),
      (f) => f.get(element),
    )
  })
}

function emitFreeOwn({ module, table }: Parts): FunctionBuilder {
  const { locks, env } = table
  return define(module, 'lru_free', [I32, I32, I32], [], ([map, slot, element], local) => {
    const list = local(I32)
    const owner = writerAt(map!, i32.load(element!, LRU_ELEMENT.writer))
    return seq(set(list, i32.add(owner, LRU_WRITER.list)), freeTo(locks, slot!, element!, list, env.fault('lru.freed')))
  })
}
