/** BPF_MAP_TYPE_PERCPU_HASH: the hash table, with one value per possible CPU on cache lines of its own. */
import { HASH_WRITER, MAP, PERCPU_HASH_ELEMENT } from '../layout.js'
import { alignUp } from '../struct.js'
import { BPF_MAP_TYPE_PERCPU_HASH } from '../uapi/bpf.js'
import { BPF_EXIST } from '../uapi/bpf_flags.js'
import { EINVAL } from '../uapi/errno.js'
import { brIf, define, type Expr, I32, i32, loop, ret, type Statement, seq, set, when } from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { copyBytes, zeroBytes } from './bytes.js'
import { checkHash } from './checks.js'
import { emitDelete, emitLookup, emitNextKey, seedOf } from './hash.js'
import { initialiseTable, tableBytes } from './hash_storage.js'
import { TableCode, type TableModule, tableModule } from './hash_table.js'
import type { MapAttributes, MapType } from './types.js'

export const percpuHashMap: MapType = {
  type: BPF_MAP_TYPE_PERCPU_HASH,
  name: 'percpu_hash',
  perCpu: true,
  check: (attr) => checkHash(attr, { perCpu: true }),
  storage: (attr, cpus) => tableBytes(attr, cpus, true),
  initialise: (views, address, attr, cpus) =>
    initialiseTable(views, address, attr, cpus, { perCpu: true, seed: seedOf(attr) }),
  shape: (attr) => `percpu_hash:k${attr.keyBytes}:v${attr.valueBytes}`,
  emit(module, env, attr) {
    const table = tableModule(module, env, attr, true)
    const own = (element: Expr, map: Expr) => ownValue(table, element, map)
    return {
      lookup: emitLookup(module, table, own),
      update: emitUpdate(module, table, ownValueCode(table, attr)),
      delete: emitDelete(module, table),
      nextKey: emitNextKey(module, table),
      lookupUser: emitLookup(module, table, (element) => i32.load(element, PERCPU_HASH_ELEMENT.values), 'lookup_user'),
      updateUser: emitUpdate(module, table, allValuesCode(attr), 'update_user'),
    }
  },
}

function ownValue(table: TableModule, element: Expr, map: Expr): Expr {
  const offset = i32.mul(table.env.valueCpu, i32.load(map, MAP.valueStride))
  return i32.add(i32.load(element, PERCPU_HASH_ELEMENT.values), offset)
}

/** How an update writes the values of an element that exists, and of the spare that will be linked. */
interface ValueCode {
  overwrite(map: Expr, element: Expr, value: Local, at: Local, left: Local): Statement
  fill(map: Expr, spare: Expr, value: Local, at: Local, left: Local): Statement
}

/** Runs `body` with `at` = each possible CPU's value in turn. */
function forEachCpu(map: Expr, element: Expr, at: Local, left: Local, body: Statement): Statement {
  return seq(
    set(at, i32.load(element, PERCPU_HASH_ELEMENT.values)),
    // All writers but the main thread are possible CPUs.
    set(left, i32.sub(i32.load(map, MAP.writerCount), 1)),
    loop((leave) =>
      seq(
        brIf(leave, i32.eqz(left)),
        body,
        set(at, i32.add(at, i32.load(map, MAP.valueStride))),
        set(left, i32.sub(left, 1)),
      ),
    ),
  )
}

/** From a program: this CPU's value changes, a new element's other values are zero. */
function ownValueCode(table: TableModule, attr: MapAttributes): ValueCode {
  const overwrite: ValueCode['overwrite'] = (map, element, value) =>
    copyBytes(ownValue(table, element, map), value, attr.valueBytes)
  return {
    overwrite,
    fill: (map, spare, value, at, left) =>
      seq(
        forEachCpu(map, spare, at, left, zeroBytes(at, alignUp(attr.valueBytes, 8))),
        overwrite(map, spare, value, at, left),
      ),
  }
}

/** From user space: the values of all possible CPUs, each at a multiple of 8 bytes. */
function allValuesCode(attr: MapAttributes): ValueCode {
  const stride = alignUp(attr.valueBytes, 8)
  const copy: ValueCode['fill'] = (map, element, value, at, left) =>
    forEachCpu(map, element, at, left, seq(copyBytes(at, value, stride), set(value, i32.add(value, stride))))
  return { overwrite: copy, fill: copy }
}

function emitUpdate(module: ModuleBuilder, table: TableModule, values: ValueCode, name = 'update'): FunctionBuilder {
  const { keyOffset } = table.geometry
  return define(module, name, [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const code = new TableCode(table, local)
    const spare = local(I32)
    const at = local(I32)
    const left = local(I32)
    const absent = seq(
      set(spare, i32.load(code.slot, HASH_WRITER.spare)),
      table.copyKey(i32.add(spare, keyOffset), key!),
      values.fill(map!, spare, value!, at, left),
      code.insert(map!, spare),
    )
    const present = seq(
      values.overwrite(map!, code.element, value!, at, left),
      table.env.fault('percpuHash.copied'),
      code.leave(0),
    )
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      code.findSlot(map!),
      code.findBucket(map!, key!),
      code.lockBucket(),
      code.searchLink(key!),
      code.checkFlags(flags!),
      when(i32.and(code.element, 1), absent, present),
      i32.const(0),
    )
  })
}
