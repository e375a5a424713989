/**
 * BPF_MAP_TYPE_LPM_TRIE: values by prefix; a look-up finds the longest one. A binary trie with one node for each entry,
 * and intermediate nodes where two prefixes part.
 *
 * Writers share one lock. A change searches first, and then stores without a loop or call in between. Readers take no
 * lock: they start over when the lock's version has risen, as a node they stood on may be another's by then. Freed
 * nodes are used again as late as possible.
 */
import { LPM_NODE, LPM_TRIE, MAP, MAP_BYTES } from '../layout.js'
import { alignUp } from '../struct.js'
import type { Environment } from '../sync/environment.js'
import { emitLock, LOCK_VERSION_MASK, type Locks } from '../sync/lock.js'
import { BPF_MAP_TYPE_LPM_TRIE } from '../uapi/bpf.js'
import { BPF_EXIST, BPF_F_NO_PREALLOC, BPF_F_NUMA_NODE, BPF_NOEXIST } from '../uapi/bpf_flags.js'
import { EBUSY, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC } from '../uapi/errno.js'
import {
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
import { copyBytes } from './bytes.js'
import { ACCESS_FLAGS, ALLOCATION_MAX_BYTES, programAccessOk } from './checks.js'
import { emitPrefixMatch } from './prefix.js'
import type { MapAttributes, MapType } from './types.js'

/** A key: 4 bytes of prefix length, and 1 to 256 of data. */
const PREFIX_BYTES = 4
const KEY_MIN_BYTES = 5
const KEY_MAX_BYTES = 260
const VALUE_MAX_BYTES = ALLOCATION_MAX_BYTES - 280
const VALUE_ALIGN = 8
const CHILD_BYTES = 4

export const lpmTrieMap: MapType = {
  type: BPF_MAP_TYPE_LPM_TRIE,
  name: 'lpm_trie',
  perCpu: false,
  check: () => 0,
  checkLate,
  storage: (attr) => NODES_OFFSET - MAP_BYTES + nodesOf(attr) * nodeBytes(attr),
  initialise: (views, address, attr) => {
    const header: [number, number][] = [
      [MAP.elements, address + NODES_OFFSET],
      [MAP.elementBytes, nodeBytes(attr)],
      [MAP.valueOffset, valueOffset(attr)],
      [MAP.valueStride, alignUp(attr.valueBytes, VALUE_ALIGN)],
      [MAP.end, address + NODES_OFFSET + nodesOf(attr) * nodeBytes(attr)],
      [MAP_BYTES + LPM_TRIE.fresh, address + NODES_OFFSET],
    ]
    for (const [field, value] of header) views.u32[(address + field) / 4] = value
  },
  shape: (attr) => `lpm_trie:k${attr.keyBytes}:v${attr.valueBytes}`,
  emit(module, env, attr) {
    const trie = trieModule(module, env, attr)
    const lookup = emitLookup(module, trie)
    const update = emitUpdate(module, trie)
    return {
      lookup,
      lookupUser: lookup,
      update,
      updateUser: update,
      delete: emitDelete(module, trie),
      nextKey: emitNextKey(module, trie),
    }
  },
}

const NODES_OFFSET = MAP_BYTES + LPM_TRIE.$bytes

function checkLate(attr: MapAttributes): number {
  const flags = BPF_F_NO_PREALLOC | BPF_F_NUMA_NODE | ACCESS_FLAGS
  if (attr.maxEntries === 0 || !(attr.flags & BPF_F_NO_PREALLOC)) return -EINVAL
  if (attr.flags & ~flags || !programAccessOk(attr.flags)) return -EINVAL
  if (attr.keyBytes < KEY_MIN_BYTES || attr.keyBytes > KEY_MAX_BYTES) return -EINVAL
  return attr.valueBytes === 0 || attr.valueBytes > VALUE_MAX_BYTES ? -EINVAL : 0
}

const valueOffset = (attr: MapAttributes): number => alignUp(LPM_NODE.data + attr.keyBytes - PREFIX_BYTES, VALUE_ALIGN)
const nodeBytes = (attr: MapAttributes): number => valueOffset(attr) + alignUp(attr.valueBytes, VALUE_ALIGN)
/** Fewer intermediate nodes than entries are needed, and one node more while an entry is exchanged. */
const nodesOf = (attr: MapAttributes): number => 2 * attr.maxEntries + 1

interface Trie {
  readonly attr: MapAttributes
  readonly env: Environment
  readonly locks: Locks
  /** match(node, key) -> how many leading bits of both prefixes agree. */
  readonly match: FunctionBuilder
  readonly dataBytes: number
  /** The longest prefix there can be, in bits. */
  readonly bitsMax: number
}

function trieModule(module: ModuleBuilder, env: Environment, attr: MapAttributes): Trie {
  const dataBytes = attr.keyBytes - PREFIX_BYTES
  const match = emitPrefixMatch(module, dataBytes)
  return { attr, env, locks: emitLock(module, env), match, dataBytes, bitsMax: dataBytes * 8 }
}

const field = (map: Expr, offset: number): Expr => i32.load(map, MAP_BYTES + offset)
const setField = (map: Expr, offset: number, value: Expr): Statement => i32.store(map, value, MAP_BYTES + offset)
const lockOf = (map: Expr): Expr => i32.add(map, MAP_BYTES + LPM_TRIE.lock)
const rootOf = (map: Expr): Expr => i32.add(map, MAP_BYTES + LPM_TRIE.root)
const bitsOf = (node: Expr): Expr => i32.load(node, LPM_NODE.prefixBits)
const isIntermediate = (node: Expr): Expr => i32.load(node, LPM_NODE.intermediate)
const childSlot = (node: Expr, bit: Expr): Expr => i32.add(i32.add(node, LPM_NODE.children), i32.shl(bit, 2))
const childOf = (node: Expr, side: 0 | 1): Expr => i32.load(node, LPM_NODE.children + side * CHILD_BYTES)
const setChild = (node: Expr, side: 0 | 1, child: Expr): Statement =>
  i32.store(node, child, LPM_NODE.children + side * CHILD_BYTES)

/** Bit `index` of the data at `address` + offset, the first byte's highest being bit 0. */
function bitAt(address: Expr, offset: number, index: Expr): Expr {
  const byte = i32.load8U(i32.add(address, i32.shrU(index, 3)), offset)
  return i32.and(i32.shrU(byte, i32.sub(7, i32.and(index, 7))), 1)
}
const keyBit = (key: Expr, index: Expr): Expr => bitAt(key, PREFIX_BYTES, index)

/** Runs `search` until no writer has been there meanwhile. */
function undisturbed(map: Expr, version: Local, search: Statement): Statement {
  const word = i32.atomicLoad(lockOf(map))
  return loop((leave) =>
    seq(set(version, word), search, brIf(leave, i32.eqz(i32.and(i32.xor(version, word), LOCK_VERSION_MASK)))),
  )
}

/** lookup(map, key): the value of the longest prefix that the key begins with; 0. */
function emitLookup(module: ModuleBuilder, trie: Trie): FunctionBuilder {
  return define(module, 'lookup', [I32, I32], [I32], ([map, key], local) => {
    const node = local(I32)
    const found = local(I32)
    const matched = local(I32)
    const version = local(I32)
    const search = seq(
      set(found, 0),
      set(node, i32.atomicLoad(rootOf(map!))),
      loop((leave) =>
        seq(
          brIf(leave, i32.eqz(node)),
          when(
            i32.eq(tee(matched, call(trie.match, node, key!)), trie.bitsMax),
            seq(set(found, node), set(node, 0)),
            when(
              i32.ltU(matched, bitsOf(node)),
              set(node, 0),
              seq(
                when(i32.eqz(isIntermediate(node)), set(found, node)),
                set(node, i32.atomicLoad(childSlot(node, keyBit(key!, bitsOf(node))))),
              ),
            ),
          ),
        ),
      ),
    )
    return seq(
      when(i32.gtU(i32.load(key!), trie.bitsMax), ret(0)),
      undisturbed(map!, version, search),
      select(found, i32.add(found, valueOffset(trie.attr)), 0),
    )
  })
}

/** The locals of a writer's way down: the node, the word that names it, and how many bits agree. */
interface Way {
  readonly slot: Local
  readonly node: Local
  readonly matched: Local
}

/** Goes down to the node with the key, or to where it would be; `step` runs before each step down. */
function descend(trie: Trie, map: Expr, key: Expr, { slot, node, matched }: Way, step: Statement): Statement {
  return seq(
    set(slot, rootOf(map)),
    loop((leave) =>
      seq(
        brIf(leave, i32.eqz(tee(node, i32.load(slot)))),
        set(matched, call(trie.match, node, key)),
        brIf(leave, i32.ne(bitsOf(node), matched)),
        brIf(leave, i32.eq(bitsOf(node), i32.load(key))),
        step,
        set(slot, childSlot(node, keyBit(key, bitsOf(node)))),
      ),
    ),
  )
}

/** Takes a node: a new one while there are any, then the one that was freed first; 0 when all are in use. */
function take(trie: Trie, map: Expr, node: Local): Statement {
  return when(
    i32.ltU(tee(node, field(map, LPM_TRIE.fresh)), i32.load(map, MAP.end)),
    setField(map, LPM_TRIE.fresh, i32.add(node, nodeBytes(trie.attr))),
    when(
      tee(node, field(map, LPM_TRIE.freeHead)),
      seq(
        setField(map, LPM_TRIE.freeHead, i32.load(node, LPM_NODE.nextFree)),
        when(i32.eqz(field(map, LPM_TRIE.freeHead)), setField(map, LPM_TRIE.freeTail, 0)),
      ),
    ),
  )
}

function giveBack(map: Expr, node: Expr): Statement {
  const tail = field(map, LPM_TRIE.freeTail)
  return seq(
    i32.store(node, 0, LPM_NODE.nextFree),
    when(tail, i32.store(tail, node, LPM_NODE.nextFree), setField(map, LPM_TRIE.freeHead, node)),
    setField(map, LPM_TRIE.freeTail, node),
  )
}

const countEntries = (map: Expr, by: number): Statement =>
  setField(map, LPM_TRIE.entries, i32.add(field(map, LPM_TRIE.entries), by))

/** update(map, key, value, flags): -ENOSPC when all entries are in use. */
function emitUpdate(module: ModuleBuilder, trie: Trie): FunctionBuilder {
  const { env, locks, attr } = trie
  return define(module, 'update', [I32, I32, I32, I32], [I32], ([map, key, value, flags], local) => {
    const way: Way = { slot: local(I32), node: local(I32), matched: local(I32) }
    const { slot, node, matched } = way
    const fresh = local(I32)
    const fork = local(I32)
    const replaces = i32.and(i32.ne(node, 0), i32.eq(bitsOf(node), matched))
    const adds = local(I32)
    const leave = (code: number): Statement => seq(locks.unlock(lockOf(map!)), ret(code))
    const judge = seq(
      set(adds, 1),
      when(node, when(replaces, set(adds, isIntermediate(node)))),
      when(
        adds,
        seq(
          when(i32.eq(flags!, BPF_EXIST), leave(-ENOENT)),
          when(i32.eq(field(map!, LPM_TRIE.entries), i32.load(map!, MAP.maxEntries)), leave(-ENOSPC)),
        ),
        when(i32.eq(flags!, BPF_NOEXIST), leave(-EEXIST)),
      ),
    )
    const fill = seq(
      i32.store(fresh, i32.load(key!), LPM_NODE.prefixBits),
      i32.store(fresh, 0, LPM_NODE.intermediate),
      copyBytes(i32.add(fresh, LPM_NODE.data), i32.add(key!, PREFIX_BYTES), trie.dataBytes),
      copyBytes(i32.add(fresh, valueOffset(attr)), value!, attr.valueBytes),
    )
    const children = (parent: Local, first: Expr, second: Expr): Statement =>
      seq(setChild(parent, 0, first), setChild(parent, 1, second))
    // The new prefix stands above the node: the node's next bit says on which side it hangs.
    const side = bitAt(node, LPM_NODE.data, matched)
    const above = seq(children(fresh, select(side, 0, node), select(side, node, 0)), i32.atomicStore(slot, fresh))
    const newSide = keyBit(key!, matched)
    const parted = seq(
      children(fresh, 0, 0),
      take(trie, map!, fork),
      i32.store(fork, matched, LPM_NODE.prefixBits),
      i32.store(fork, 1, LPM_NODE.intermediate),
      copyBytes(i32.add(fork, LPM_NODE.data), i32.add(node, LPM_NODE.data), trie.dataBytes),
      children(fork, select(newSide, node, fresh), select(newSide, fresh, node)),
      i32.atomicStore(slot, fork),
    )
    const replace = seq(
      children(fresh, childOf(node, 0), childOf(node, 1)),
      i32.atomicStore(slot, fresh),
      giveBack(map!, node),
    )
    const beside = when(i32.eq(matched, i32.load(key!)), above, parted)
    return seq(
      when(i32.gtU(flags!, BPF_EXIST), ret(-EINVAL)),
      when(i32.gtU(i32.load(key!), trie.bitsMax), ret(-EINVAL)),
      when(locks.lock(lockOf(map!)), ret(-EBUSY)),
      descend(trie, map!, key!, way, seq()),
      judge,
      env.fault('lpm.found'),
      take(trie, map!, fresh),
      when(i32.eqz(fresh), leave(-ENOMEM)),
      fill,
      when(node, when(replaces, replace, beside), seq(children(fresh, 0, 0), i32.atomicStore(slot, fresh))),
      setField(map!, LPM_TRIE.entries, i32.add(field(map!, LPM_TRIE.entries), adds)),
      env.fault('lpm.changed'),
      locks.unlock(lockOf(map!)),
      i32.const(0),
    )
  })
}

/** delete(map, key). */
function emitDelete(module: ModuleBuilder, trie: Trie): FunctionBuilder {
  const { env, locks } = trie
  return define(module, 'delete', [I32, I32], [I32], ([map, key], local) => {
    const way: Way = { slot: local(I32), node: local(I32), matched: local(I32) }
    const { slot, node, matched } = way
    const parent = local(I32)
    const parentSlot = local(I32)
    const first = childOf(node, 0)
    const second = childOf(node, 1)
    const leave = (code: number): Statement => seq(locks.unlock(lockOf(map!)), ret(code))
    const other = select(i32.eq(childOf(parent, 0), node), childOf(parent, 1), childOf(parent, 0))
    const isLeaf = i32.eqz(i32.or(first, second))
    const underFork = select(parent, isIntermediate(parent), 0)
    const remove = when(
      i32.and(isLeaf, underFork),
      // What forked here forks no more: the sibling takes its parent's place.
      seq(i32.atomicStore(parentSlot, other), giveBack(map!, parent), giveBack(map!, node)),
      seq(i32.atomicStore(slot, select(first, first, second)), giveBack(map!, node)),
    )
    return seq(
      when(i32.gtU(i32.load(key!), trie.bitsMax), ret(-EINVAL)),
      when(locks.lock(lockOf(map!)), ret(-EBUSY)),
      descend(trie, map!, key!, way, seq(set(parent, node), set(parentSlot, slot))),
      when(i32.eqz(node), leave(-ENOENT)),
      when(i32.or(i32.ne(bitsOf(node), i32.load(key!)), i32.ne(bitsOf(node), matched)), leave(-ENOENT)),
      when(isIntermediate(node), leave(-ENOENT)),
      env.fault('lpm.found'),
      countEntries(map!, -1),
      when(i32.and(i32.ne(first, 0), i32.ne(second, 0)), i32.store(node, 1, LPM_NODE.intermediate), remove),
      env.fault('lpm.changed'),
      locks.unlock(lockOf(map!)),
      i32.const(0),
    )
  })
}

/** nextKey(map, key or 0, out): longer prefixes before those they begin with; the first one after an unknown key. */
function emitNextKey(module: ModuleBuilder, trie: Trie): FunctionBuilder {
  return define(module, 'next_key', [I32, I32, I32], [I32], ([map, key, out], local) => {
    const way: Way = { slot: local(I32), node: local(I32), matched: local(I32) }
    const { node, matched } = way
    const version = local(I32)
    const from = local(I32)
    const found = local(I32)
    const after = local(I32)
    const entry = local(I32)
    // Of each step down: what comes after the lower part is the other side, or else the upper node itself.
    const remember = when(
      i32.and(i32.eqz(keyBit(key!, bitsOf(node))), i32.ne(childOf(node, 1), 0)),
      seq(set(after, childOf(node, 1)), set(entry, 0)),
      when(i32.eqz(isIntermediate(node)), seq(set(after, 0), set(entry, node))),
    )
    const isKey = seq(
      select(
        node,
        i32.and(
          i32.and(i32.eq(bitsOf(node), matched), i32.eq(bitsOf(node), i32.load(key!))),
          i32.eqz(isIntermediate(node)),
        ),
        0,
      ),
    )
    const known = seq(
      set(after, 0),
      set(entry, 0),
      descend(trie, map!, key!, way, remember),
      when(isKey, seq(set(from, after), set(found, entry))),
    )
    const leftmost = loop((leave) =>
      seq(
        brIf(leave, i32.eqz(from)),
        when(i32.eqz(isIntermediate(from)), set(found, from)),
        set(from, select(i32.or(childOf(from, 0), isIntermediate(from)), childOf(from, 0), childOf(from, 1))),
      ),
    )
    const search = seq(
      set(found, 0),
      set(from, i32.atomicLoad(rootOf(map!))),
      when(key!, when(i32.leU(i32.load(key!), trie.bitsMax), known)),
      leftmost,
      when(
        found,
        seq(
          i32.store(out!, bitsOf(found)),
          copyBytes(i32.add(out!, PREFIX_BYTES), i32.add(found, LPM_NODE.data), trie.dataBytes),
        ),
      ),
    )
    return seq(undisturbed(map!, version, search), select(found, 0, -ENOENT))
  })
}
