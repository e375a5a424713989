/** BPF_MAP_TYPE_LRU_HASH and BPF_MAP_TYPE_LRU_PERCPU_HASH: hash tables that make room by forgetting. */
import { HASH_BUCKET, HASH_ELEMENT, LRU_ELEMENT, LRU_WRITER, LruState } from '../layout.js'
import type { Environment } from '../sync/environment.js'
import { BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH } from '../uapi/bpf.js'
import { BPF_EXIST } from '../uapi/bpf_flags.js'
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM } from '../uapi/errno.js'
import { call, define, type Expr, I32, i32, ret, type Statement, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { copyBytes } from './bytes.js'
import { checkHash } from './checks.js'
import { emitLookup, emitNextKey, seedOf } from './hash.js'
import { TableCode, type TableModule, tableModule } from './hash_table.js'
import { hasOwnLists, initialiseLru, lruAttributes, lruBytes, lruGeometry } from './lru_storage.js'
import { emitLru, type LruCode } from './lru_take.js'
import { allValuesCode, ownValue, ownValueCode, type ValueCode } from './percpu_hash.js'
import type { MapAttributes, MapFunctions, MapType } from './types.js'

function lruType(type: number, name: string, perCpu: boolean): MapType {
  return {
    type,
    name,
    perCpu,
    check: (attr) => checkHash(attr, { lru: true, perCpu }),
    attributes: lruAttributes,
    storage: (attr, cpus) => lruBytes(attr, cpus, perCpu),
    initialise: (views, address, attr, cpus) =>
      initialiseLru(views, address, attr, cpus, { perCpu, seed: seedOf(attr) }),
    shape: (attr) => `${name}:k${attr.keyBytes}:v${attr.valueBytes}${hasOwnLists(attr) ? ':own' : ''}`,
    emit: (module, env, attr) => (perCpu ? emitPerCpu(module, env, attr) : emitShared(module, env, attr)),
  }
}

export const lruHashMap = lruType(BPF_MAP_TYPE_LRU_HASH, 'lru_hash', false)
export const lruPercpuHashMap = lruType(BPF_MAP_TYPE_LRU_PERCPU_HASH, 'lru_percpu_hash', true)

/** What the operations of one module share. */
interface LruModule {
  readonly attr: MapAttributes
  readonly table: TableModule
  readonly lru: LruCode
}

function lruModule(module: ModuleBuilder, env: Environment, attr: MapAttributes, perCpu: boolean): LruModule {
  const table = tableModule(module, env, attr, lruGeometry(attr, perCpu))
  return { attr, table, lru: emitLru(module, table, hasOwnLists(attr)) }
}

function emitShared(module: ModuleBuilder, env: Environment, attr: MapAttributes): MapFunctions {
  const parts = lruModule(module, env, attr, false)
  const { table } = parts
  const value = (element: Expr) => i32.add(element, table.geometry.valueOffset)
  const update = emitUpdate(module, parts)
  return {
    lookup: emitLookup(module, table, (element) => marked(element, value(element))),
    lookupUser: emitLookup(module, table, value, 'lookup_user'),
    update,
    updateUser: update,
    delete: emitDelete(module, parts),
    nextKey: emitNextKey(module, table),
  }
}

function emitPerCpu(module: ModuleBuilder, env: Environment, attr: MapAttributes): MapFunctions {
  const parts = lruModule(module, env, attr, true)
  const { table } = parts
  return {
    lookup: emitLookup(module, table, (element, map) => marked(element, ownValue(table, element, map))),
    lookupUser: emitLookup(module, table, (element) => i32.load(element, LRU_ELEMENT.values), 'lookup_user'),
    update: emitPerCpuUpdate(module, parts, ownValueCode(table, attr), 'update'),
    updateUser: emitPerCpuUpdate(module, parts, allValuesCode(attr), 'update_user'),
    delete: emitDelete(module, parts),
    nextKey: emitNextKey(module, table),
  }
}

/** `value`, once the element is marked as used. Look-ups of user space leave no mark. */
function marked(element: Expr, value: Expr): Expr {
  return seq(
    when(i32.eqz(i32.load(element, LRU_ELEMENT.referenced)), i32.store(element, 1, LRU_ELEMENT.referenced)),
    value as Statement,
  )
}

/** Puts the held `fresh` at the head of the bucket's chain. */
function link(code: TableCode, fresh: Local): Statement {
  const head = i32.add(code.bucket, HASH_BUCKET.head)
  return seq(
    i32.store(fresh, i32.load(head), HASH_ELEMENT.next),
    i32.atomicStore(head, fresh),
    i32.store(fresh, LruState.linked, LRU_ELEMENT.state),
    i32.store(code.slot, 0, LRU_WRITER.held),
  )
}

/** Puts the held `fresh`, marked, in the place of the old element, which is held then. */
function exchange(code: TableCode, fresh: Local): Statement {
  return seq(
    i32.store(fresh, i32.load(code.element, HASH_ELEMENT.next), HASH_ELEMENT.next),
    i32.store(fresh, 1, LRU_ELEMENT.referenced),
    i32.atomicStore(code.link, fresh),
    i32.store(fresh, LruState.linked, LRU_ELEMENT.state),
    i32.store(code.element, LruState.held, LRU_ELEMENT.state),
    i32.store(code.slot, code.element, LRU_WRITER.held),
  )
}

/** The operation's frame: its slot, its bucket, and the intent record around `body`, which leaves by `done`. */
class Operation {
  readonly code: TableCode
  readonly result: Local

  constructor(
    readonly parts: LruModule,
    readonly map: Local,
    local: (type: typeof I32) => Local,
  ) {
    this.code = new TableCode(parts.table, local as ConstructorParameters<typeof TableCode>[1])
    this.result = local(I32)
  }

  /** Finds bucket and slot, and begins. */
  start(key: Expr): Statement {
    const { code, map, parts } = this
    return seq(code.findBucket(map, key), set(code.slot, parts.lru.slot(map)), parts.lru.begin(map, code.slot))
  }

  lockBucket(otherwise: Statement): Statement {
    const { locks } = this.parts.table
    return when(locks.lock(i32.add(this.code.bucket, HASH_BUCKET.lock)), otherwise)
  }

  giveBack(element: Local): Statement {
    return call(this.parts.lru.free, this.map, this.code.slot, element) as Statement
  }

  done(result: Expr): Statement {
    return seq(this.parts.lru.end(), ret(result))
  }

  /** Sets `result` to what the flags say of the element found or not found. */
  judge(flags: Expr): Statement {
    const absent = i32.and(this.code.element, 1)
    return seq(
      set(this.result, 0),
      when(
        absent,
        when(i32.eq(flags, BPF_EXIST), set(this.result, -ENOENT)),
        when(i32.eq(flags, 1), set(this.result, -EEXIST)),
      ),
    )
  }
}

/** update(map, key, value, flags): takes an element first, whatever the flags say, as Linux does. */
function emitUpdate(module: ModuleBuilder, parts: LruModule): FunctionBuilder {
  const { attr, table, lru } = parts
  const { keyOffset, valueOffset } = table.geometry
  return define(module, 'update', [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const operation = new Operation(parts, map!, local)
    const { code, result } = operation
    const fresh = local(I32)
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      operation.start(key!),
      set(fresh, call(lru.take, map!, code.slot, code.hash)),
      when(i32.eqz(fresh), operation.done(-ENOMEM)),
      table.copyKey(i32.add(fresh, keyOffset), key!),
      copyBytes(i32.add(fresh, valueOffset), value!, attr.valueBytes),
      table.env.fault('lru.filled'),
      operation.lockBucket(seq(operation.giveBack(fresh), operation.done(-EBUSY))),
      code.searchLink(key!),
      operation.judge(flags!),
      when(
        i32.eqz(result),
        when(
          i32.and(code.element, 1),
          seq(link(code, fresh), set(fresh, 0)),
          seq(exchange(code, fresh), set(fresh, code.element)),
        ),
      ),
      table.env.fault('lru.linked'),
      code.unlockBucket(),
      when(fresh, operation.giveBack(fresh)),
      operation.done(result),
      i32.const(0),
    )
  })
}

/** The same for per-CPU values, which change in place: only an insertion needs an element. */
function emitPerCpuUpdate(module: ModuleBuilder, parts: LruModule, values: ValueCode, name: string): FunctionBuilder {
  const { table, lru } = parts
  const { keyOffset } = table.geometry
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const operation = new Operation(parts, map!, local)
    const { code, result } = operation
    const fresh = local(I32)
    const at = local(I32)
    const left = local(I32)
    const present = seq(
      i32.store(code.element, 1, LRU_ELEMENT.referenced),
      values.overwrite(map!, code.element, value!, at, left),
      table.env.fault('lru.updated'),
    )
    const absent = seq(
      table.copyKey(i32.add(fresh, keyOffset), key!),
      values.fill(map!, fresh, value!, at, left),
      table.env.fault('lru.filled'),
      link(code, fresh),
      set(fresh, 0),
    )
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      operation.start(key!),
      when(
        i32.ne(flags!, BPF_EXIST),
        seq(set(fresh, call(lru.take, map!, code.slot, code.hash)), when(i32.eqz(fresh), operation.done(-ENOMEM))),
      ),
      operation.lockBucket(seq(when(fresh, operation.giveBack(fresh)), operation.done(-EBUSY))),
      code.searchLink(key!),
      operation.judge(flags!),
      when(i32.eqz(result), when(i32.and(code.element, 1), absent, present)),
      table.env.fault('lru.linked'),
      code.unlockBucket(),
      when(fresh, operation.giveBack(fresh)),
      operation.done(result),
      i32.const(0),
    )
  })
}

/** delete(map, key). */
function emitDelete(module: ModuleBuilder, parts: LruModule): FunctionBuilder {
  const { table } = parts
  return define(module, 'delete', [I32, I32], [I32], ([map, key], local) => {
    const operation = new Operation(parts, map!, local)
    const { code } = operation
    return seq(
      operation.start(key!),
      operation.lockBucket(operation.done(-EBUSY)),
      code.searchLink(key!),
      when(i32.and(code.element, 1), seq(code.unlockBucket(), operation.done(-ENOENT))),
      i32.atomicStore(code.link, i32.load(code.element, HASH_ELEMENT.next)),
      i32.store(code.element, LruState.held, LRU_ELEMENT.state),
      i32.store(code.slot, code.element, LRU_WRITER.held),
      table.env.fault('lru.unlinked'),
      code.unlockBucket(),
      operation.giveBack(code.element),
      operation.done(0),
      i32.const(0),
    )
  })
}
