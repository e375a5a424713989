/**
 * The hash table under hash and percpu_hash: power-of-two buckets, chains that readers walk without a lock, one lock
 * per bucket for writers, all elements allocated at creation.
 *
 * Readers: an element may be reused while a reader stands on it, which leads the reader to another chain, or past its
 * key in the same one. A chain ends in a marker with its bucket's number, and a bucket's lock has a version: a reader
 * that ends in another bucket, or finds that a writer has been in its own, starts over before it says "absent".
 *
 * Writers: an update always fills the writer's spare element first. Each change of the structure is one store, made
 * while the intent record says how to tell whether it happened; see recover.ts for the other half.
 */
import { CPU, HASH_BUCKET, HASH_ELEMENT, HASH_WRITER, INTENT, IntentKind, MAP } from '../layout.js'
import type { Environment } from '../sync/environment.js'
import { emitLock, LOCK_VERSION_MASK, type Locks } from '../sync/lock.js'
import { BPF_EXIST, BPF_NOEXIST } from '../uapi/bpf_flags.js'
import { E2BIG, EBUSY, EEXIST, ENOENT } from '../uapi/errno.js'
import {
  br,
  brIf,
  type Emit,
  type Expr,
  I32,
  I64,
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
import type { Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import type { ValType } from '../wasm/opcodes.js'
import { copyBytes, type KeyCode, keyCode } from './bytes.js'
import { type ElementGeometry, elementGeometry } from './hash_storage.js'
import type { MapAttributes } from './types.js'

/** Emitters shared by the table's operations. One instance per function under construction. */
export class TableCode {
  readonly hash: Local
  readonly bucket: Local
  readonly link: Local
  readonly element: Local
  readonly slot: Local
  readonly #list: Local
  readonly #taken: Local
  readonly #left: Local
  readonly #version: Local
  readonly #state: Local

  constructor(
    readonly table: TableModule,
    local: (type: ValType) => Local,
  ) {
    this.hash = local(I32)
    this.bucket = local(I32)
    this.link = local(I32)
    this.element = local(I32)
    this.slot = local(I32)
    this.#list = local(I32)
    this.#taken = local(I32)
    this.#left = local(I32)
    this.#version = local(I32)
    this.#state = local(I64)
  }

  /** Sets `hash` (masked: the bucket's number) and `bucket` (its address). */
  findBucket(map: Expr, key: Expr): Statement {
    return seq(
      set(
        this.hash,
        i32.and(this.table.key.hash(key, i32.load(map, MAP.seed), this.#state), i32.load(map, MAP.bucketMask)),
      ),
      set(this.bucket, i32.add(i32.load(map, MAP.buckets), i32.mul(this.hash, HASH_BUCKET.$bytes))),
    )
  }

  /** This writer's slot, into `slot`. */
  findSlot(map: Expr): Statement {
    const offset = i32.mul(this.table.env.writer, HASH_WRITER.$bytes)
    return set(this.slot, i32.add(i32.load(map, MAP.writers), offset))
  }

  /** Reader's search after findBucket: runs `found` with `element` set, or falls through when the key is absent. */
  search(key: Expr, found: Statement): Statement {
    const { element } = this
    const { keyOffset } = this.table.geometry
    const marker = i32.or(i32.shl(this.hash, 1), 1)
    const version = i32.atomicLoad(this.bucket, HASH_BUCKET.lock)
    const changed = i32.and(i32.xor(version, this.#version), LOCK_VERSION_MASK)
    const trusted = i32.and(i32.eq(element, marker), i32.eqz(changed))
    return loop((absent, restart) =>
      seq(
        set(this.#version, version),
        set(element, i32.load(this.bucket, HASH_BUCKET.head)),
        loop((_leave, next) =>
          seq(
            when(i32.and(element, 1), seq(brIf(absent, trusted), br(restart))),
            when(this.table.key.equal(i32.add(element, keyOffset), key), found),
            set(element, i32.load(element, HASH_ELEMENT.next)),
            br(next),
          ),
        ),
      ),
    )
  }

  /** Writer's search, under the bucket's lock: `element` is the match or a marker, `link` the word that names it. */
  searchLink(key: Expr): Statement {
    const { element, link } = this
    const { keyOffset } = this.table.geometry
    return seq(
      set(link, i32.add(this.bucket, HASH_BUCKET.head)),
      loop((leave) =>
        seq(
          brIf(leave, i32.and(tee(element, i32.load(link)), 1)),
          brIf(leave, this.table.key.equal(i32.add(element, keyOffset), key)),
          set(link, i32.add(element, HASH_ELEMENT.next)),
        ),
      ),
    )
  }

  lockBucket(): Statement {
    return when(this.table.locks.lock(i32.add(this.bucket, HASH_BUCKET.lock)), ret(-EBUSY))
  }

  unlockBucket(): Statement {
    return this.table.locks.unlock(i32.add(this.bucket, HASH_BUCKET.lock))
  }

  /** Unlocks the bucket and returns `result`. */
  leave(result: Expr): Statement {
    return seq(this.unlockBucket(), ret(result))
  }

  /** After searchLink: leaves with -EEXIST or -ENOENT when `flags` do not allow what was found. */
  checkFlags(flags: Expr): Statement {
    return when(
      i32.and(this.element, 1),
      when(i32.eq(flags, BPF_EXIST), this.leave(-ENOENT)),
      when(i32.eq(flags, BPF_NOEXIST), this.leave(-EEXIST)),
    )
  }

  #intend(map: Expr, a: Expr, b: Expr, c: Expr, kind: number): Statement {
    const { area } = this.table.env
    const write = (field: number, value: Expr) => i32.store(area, value, CPU.intent + field)
    return seq(
      write(INTENT.object, map),
      write(INTENT.a, a),
      write(INTENT.b, b),
      write(INTENT.c, c),
      write(INTENT.d, this.slot),
      write(INTENT.kind, kind),
    )
  }

  #settle(): Statement {
    return i32.store(this.table.env.area, IntentKind.none, CPU.intent + INTENT.kind)
  }

  /** Puts the filled spare in the place of `element`, which becomes the spare; unlocks and returns 0. */
  replace(map: Expr, spare: Expr): Statement {
    const { env } = this.table
    return seq(
      i32.store(spare, i32.load(this.element, HASH_ELEMENT.next), HASH_ELEMENT.next),
      this.#intend(map, this.link, spare, this.element, IntentKind.hashReplace),
      env.fault('hash.replace.intent'),
      i32.atomicStore(this.link, spare),
      env.fault('hash.replace.linked'),
      i32.store(this.slot, this.element, HASH_WRITER.spare),
      env.fault('hash.replace.spare'),
      this.#settle(),
      env.fault('hash.replace.done'),
      this.leave(0),
    )
  }

  /** Links the filled spare at the bucket's head and takes a free element as the next spare; unlocks and returns. */
  insert(map: Expr, spare: Expr): Statement {
    const list = this.#list
    const last = i32.add(
      i32.load(map, MAP.writers),
      i32.mul(i32.sub(i32.load(map, MAP.writerCount), 1), HASH_WRITER.$bytes),
    )
    return seq(
      set(list, this.slot),
      set(this.#left, i32.load(map, MAP.writerCount)),
      loop(() =>
        seq(
          when(
            i32.load(list, HASH_WRITER.head),
            seq(
              when(this.#lockList(), this.leave(-EBUSY)),
              when(tee(this.#taken, i32.load(list, HASH_WRITER.head)), this.#commitInsert(map, spare)),
              this.#unlockList(),
            ),
          ),
          when(i32.eqz(tee(this.#left, i32.sub(this.#left, 1))), this.leave(-E2BIG)),
          set(list, select(i32.eq(list, last), i32.load(map, MAP.writers), i32.add(list, HASH_WRITER.$bytes))),
        ),
      ),
    )
  }

  #lockList(): Emit {
    return this.table.locks.lock(i32.add(this.#list, HASH_WRITER.lock), 'innerLock')
  }

  #unlockList(): Statement {
    return this.table.locks.unlock(i32.add(this.#list, HASH_WRITER.lock), 'innerLock')
  }

  #commitInsert(map: Expr, spare: Expr): Statement {
    const { env } = this.table
    const head = i32.add(this.bucket, HASH_BUCKET.head)
    return seq(
      i32.store(spare, i32.load(head), HASH_ELEMENT.next),
      this.#intend(map, head, spare, this.#taken, IntentKind.hashInsert),
      env.fault('hash.insert.intent'),
      i32.store(this.#list, i32.load(this.#taken, HASH_ELEMENT.nextFree), HASH_WRITER.head),
      env.fault('hash.insert.popped'),
      i32.atomicStore(head, spare),
      env.fault('hash.insert.linked'),
      i32.store(this.slot, this.#taken, HASH_WRITER.spare),
      env.fault('hash.insert.spare'),
      this.#settle(),
      env.fault('hash.insert.done'),
      this.#unlockList(),
      env.fault('hash.insert.innerReleased'),
      this.leave(0),
    )
  }

  /** Unlinks `element` and pushes it on this writer's free list; unlocks and returns. */
  remove(map: Expr): Statement {
    const { env } = this.table
    const list = this.#list
    return seq(
      set(list, this.slot),
      when(this.#lockList(), this.leave(-EBUSY)),
      this.#intend(map, this.link, this.element, 0, IntentKind.hashDelete),
      env.fault('hash.delete.intent'),
      i32.atomicStore(this.link, i32.load(this.element, HASH_ELEMENT.next)),
      env.fault('hash.delete.unlinked'),
      i32.store(this.element, i32.load(list, HASH_WRITER.head), HASH_ELEMENT.nextFree),
      env.fault('hash.delete.nextFree'),
      i32.store(list, this.element, HASH_WRITER.head),
      env.fault('hash.delete.pushed'),
      this.#settle(),
      env.fault('hash.delete.done'),
      // The bucket first: its version must have risen before anybody can take the element from the list.
      this.unlockBucket(),
      env.fault('hash.delete.released'),
      this.#unlockList(),
      ret(0),
    )
  }

  /** Copies the key of `element` to `out` and returns 0. */
  returnKey(out: Expr): Statement {
    const { keyOffset } = this.table.geometry
    return seq(this.table.copyKey(out, i32.add(this.element, keyOffset)), ret(0))
  }

  /** Returns the first key of the buckets from number `hash` on, or -ENOENT. */
  scan(map: Expr, out: Expr): Statement {
    const { element, hash } = this
    return loop(() =>
      seq(
        when(i32.gtU(hash, i32.load(map, MAP.bucketMask)), ret(-ENOENT)),
        set(
          element,
          i32.load(i32.add(i32.load(map, MAP.buckets), i32.mul(hash, HASH_BUCKET.$bytes)), HASH_BUCKET.head),
        ),
        when(i32.eqz(i32.and(element, 1)), this.returnKey(out)),
        set(hash, i32.add(hash, 1)),
      ),
    )
  }
}

/** What the operations of one table module share. */
export interface TableModule {
  readonly env: Environment
  readonly locks: Locks
  readonly key: KeyCode
  readonly geometry: ElementGeometry
  copyKey(to: Expr, from: Expr): Statement
}

export function tableModule(
  module: ModuleBuilder,
  env: Environment,
  attr: MapAttributes,
  perCpu: boolean,
): TableModule {
  const key = keyCode(module, attr.keyBytes)
  return {
    env,
    locks: emitLock(module, env),
    key,
    geometry: elementGeometry(attr, perCpu),
    copyKey: (to, from) => copyBytes(to, from, attr.keyBytes),
  }
}
