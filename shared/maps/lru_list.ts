/**
 * The lists of an LRU hash: which element a writer gets, and which one loses its place for it. The rule is Linux's. An
 * element is active, inactive or free in the lists that all share, or in a writer's own: free for its next insertions,
 * or pending, as inserted lately and in no shared list yet. A look-up only sets the element's mark; rotation moves
 * marked elements to the active list and unmarked ones to the inactive list, whose end is evicted.
 *
 * A thread dies at loop heads and calls only. Each move from list to list stands between two such places, so that an
 * element is always in exactly one list; its state (LruState) says whether a chain has it, too.
 */
import {
  HASH_BUCKET,
  HASH_ELEMENT,
  LRU_ELEMENT,
  LRU_LINK,
  LRU_LIST,
  LRU_WRITER,
  LruList,
  LruState,
  MAP,
} from '../layout.js'
import {
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

const { $bytes: LINK_BYTES } = LRU_LINK

/** Elements that one rotation looks at: in the shared lists, and in a CPU's own. */
const SCANS_SHARED = 128
const SCANS_OWN = 4

export const linkOf = (element: Expr): Expr => i32.add(element, LRU_ELEMENT.link)
export const elementOf = (link: Expr): Expr => i32.sub(link, LRU_ELEMENT.link)
export const headOf = (list: Expr, kind: Expr): Expr =>
  i32.add(i32.add(list, LRU_LIST.heads), i32.mul(kind, LINK_BYTES))
export const countOf = (list: Expr, kind: Expr): Expr => i32.add(i32.add(list, LRU_LIST.counts), i32.shl(kind, 2))
export const firstOf = (head: Expr): Expr => i32.load(head, LRU_LINK.next)
export const lastOf = (head: Expr): Expr => i32.load(head, LRU_LINK.prev)
export const isEmpty = (head: Expr): Expr => i32.eq(firstOf(head), head)
export const isReferenced = (element: Expr): Expr => i32.load(element, LRU_ELEMENT.referenced)
export const writerAt = (map: Expr, index: Expr): Expr =>
  i32.add(i32.load(map, MAP.writers), i32.mul(index, LRU_WRITER.$bytes))

export const change = (address: Expr, by: number): Statement => i32.store(address, i32.add(i32.load(address), by))

/** Takes `link` out of its list and puts it first in the list of `head`. */
export function moveLink(link: Expr, head: Expr): Statement {
  return seq(
    i32.store(lastOf(link), firstOf(link), LRU_LINK.next),
    i32.store(firstOf(link), lastOf(link), LRU_LINK.prev),
    i32.store(link, firstOf(head), LRU_LINK.next),
    i32.store(link, head, LRU_LINK.prev),
    i32.store(firstOf(head), link, LRU_LINK.prev),
    i32.store(head, link, LRU_LINK.next),
  )
}

export interface Parts {
  readonly module: ModuleBuilder
  readonly table: TableModule
  readonly ownLists: boolean
  readonly evict: FunctionBuilder
}

/** The element is `slot`'s, and on its way into the bucket. */
export function hold(slot: Expr, element: Expr, bucket: Expr): Statement {
  return seq(
    i32.store(element, bucket, LRU_ELEMENT.bucket),
    i32.store(element, LruState.held, LRU_ELEMENT.state),
    i32.store(slot, element, LRU_WRITER.held),
  )
}

/** The element is nobody's. */
export function drops(slot: Expr, element: Expr): Statement {
  return seq(i32.store(element, LruState.loose, LRU_ELEMENT.state), i32.store(slot, 0, LRU_WRITER.held))
}

/** The rotation must not begin with a link that leaves. */
function keepRotation(list: Expr, link: Expr): Statement {
  return when(i32.eq(i32.load(list, LRU_LIST.rotation), link), i32.store(list, lastOf(link), LRU_LIST.rotation))
}

/** To the front of a list of the same LRU_LIST; its mark goes. */
export function moveWithin(list: Expr, element: Local, kind: Expr): Statement {
  return seq(
    keepRotation(list, linkOf(element)),
    change(countOf(list, i32.load(element, LRU_ELEMENT.list)), -1),
    change(countOf(list, kind), 1),
    i32.store(element, kind, LRU_ELEMENT.list),
    i32.store(element, 0, LRU_ELEMENT.referenced),
    moveLink(linkOf(element), headOf(list, kind)),
  )
}

/** From a shared list to a free list: the shared one, or a writer's (`head`, `kind`). */
export function moveToFree(list: Expr, element: Expr, head: Expr, kind: Expr): Statement {
  return seq(
    keepRotation(list, linkOf(element)),
    change(countOf(list, i32.load(element, LRU_ELEMENT.list)), -1),
    // A writer's lists are not counted.
    when(i32.eq(kind, LruList.free), change(countOf(list, LruList.free), 1)),
    i32.store(element, kind, LRU_ELEMENT.list),
    moveLink(linkOf(element), head),
  )
}

/** evict(map, element) -> 1 when no chain has the element any more; 0 when somebody holds it. */
export function emitEvict(module: ModuleBuilder, table: TableModule): FunctionBuilder {
  const { locks, env } = table
  return define(module, 'lru_evict', [I32, I32], [I32], ([map, element], local) => {
    const bucket = local(I32)
    const link = local(I32)
    const found = local(I32)
    const lock = i32.add(bucket, HASH_BUCKET.lock)
    return seq(
      set(
        bucket,
        i32.add(i32.load(map!, MAP.buckets), i32.mul(i32.load(element!, LRU_ELEMENT.bucket), HASH_BUCKET.$bytes)),
      ),
      when(locks.lock(lock, 'innermostLock'), ret(0)),
      set(link, i32.add(bucket, HASH_BUCKET.head)),
      loop((leave) =>
        seq(
          brIf(leave, i32.and(tee(found, i32.load(link)), 1)),
          brIf(leave, i32.eq(found, element!)),
          set(link, i32.add(found, HASH_ELEMENT.next)),
        ),
      ),
      when(
        i32.eq(found, element!),
        seq(
          i32.atomicStore(link, i32.load(element!, HASH_ELEMENT.next)),
          i32.store(element!, LruState.loose, LRU_ELEMENT.state),
        ),
      ),
      set(found, i32.eq(i32.load(element!, LRU_ELEMENT.state), LruState.loose)),
      locks.unlock(lock, 'innermostLock'),
      env.fault('lru.evicted'),
      (f) => f.get(found),
    )
  })
}

/** rotate(list): first the active list, if it is the longer one, then the inactive list. */
export function emitRotate({ module, table, ownLists }: Parts): FunctionBuilder {
  const { env } = table
  const scans = ownLists ? SCANS_OWN : SCANS_SHARED
  return define(module, 'lru_rotate', [I32], [], ([list], local) => {
    const link = local(I32)
    const next = local(I32)
    const last = local(I32)
    const left = local(I32)
    const element = local(I32)
    const kind = local(I32)
    const active = headOf(list!, LruList.active)
    const inactive = headOf(list!, LruList.inactive)
    const count = (kind: number): Expr => i32.load(countOf(list!, kind))
    const rotateActive = seq(
      set(last, firstOf(active)),
      set(link, lastOf(active)),
      set(left, scans),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(link, active)),
          set(next, lastOf(link)),
          set(element, elementOf(link)),
          set(kind, select(isReferenced(element), LruList.active, LruList.inactive)),
          moveWithin(list!, element, kind),
          env.fault('lru.rotated'),
          brIf(leave, i32.eq(link, last)),
          brIf(leave, i32.eqz(tee(left, i32.sub(left, 1)))),
          set(link, next),
        ),
      ),
    )
    const rotateInactive = seq(
      set(link, i32.load(list!, LRU_LIST.rotation)),
      when(i32.eq(tee(last, firstOf(link)), inactive), set(last, firstOf(last))),
      set(next, link),
      set(left, scans),
      loop((leave, again) =>
        seq(
          brIf(leave, i32.eqz(left)),
          when(i32.eq(link, inactive), seq(set(link, lastOf(link)), br(again))),
          set(element, elementOf(link)),
          set(next, lastOf(link)),
          when(isReferenced(element), moveWithin(list!, element, LruList.active)),
          env.fault('lru.rotated'),
          brIf(leave, i32.eq(link, last)),
          set(link, next),
          set(left, i32.sub(left, 1)),
        ),
      ),
      i32.store(list!, next, LRU_LIST.rotation),
    )
    return seq(
      when(i32.ltU(count(LruList.inactive), count(LruList.active)), rotateActive),
      when(i32.eqz(isEmpty(inactive)), rotateInactive),
    )
  })
}

/** shrink(map, list, wanted, head, kind): evicts up to `wanted` elements to the free list of `head`. */
export function emitShrink(parts: Parts): FunctionBuilder {
  const { module, ownLists, evict } = parts
  const scans = ownLists ? SCANS_OWN : SCANS_SHARED
  return define(module, 'lru_shrink', new Array(5).fill(I32), [], ([map, list, wanted, head, kind], local) => {
    const link = local(I32)
    const next = local(I32)
    const from = local(I32)
    const left = local(I32)
    const done = local(I32)
    const element = local(I32)
    const step = seq(set(next, lastOf(link)), set(element, elementOf(link)))
    const unmarked = seq(
      set(from, headOf(list!, LruList.inactive)),
      set(link, lastOf(from)),
      set(left, scans),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(link, from)),
          step,
          when(
            isReferenced(element),
            moveWithin(list!, element, LruList.active),
            when(
              call(evict, map!, element),
              seq(moveToFree(list!, element, head!, kind!), brIf(leave, i32.eq(tee(done, i32.add(done, 1)), wanted!))),
            ),
          ),
          brIf(leave, i32.eqz(tee(left, i32.sub(left, 1)))),
          set(link, next),
        ),
      ),
    )
    // Everything is marked: the oldest goes all the same.
    const forced = seq(
      set(from, headOf(list!, LruList.inactive)),
      when(isEmpty(from), set(from, headOf(list!, LruList.active))),
      set(link, lastOf(from)),
      loop((leave) =>
        seq(
          brIf(leave, i32.eq(link, from)),
          step,
          when(call(evict, map!, element), seq(moveToFree(list!, element, head!, kind!), br(leave))),
          set(link, next),
        ),
      ),
    )
    return seq(unmarked, when(i32.eqz(done), forced))
  })
}
