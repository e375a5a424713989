/**
 * BPF_MAP_TYPE_PROG_ARRAY. A slot holds a program's id, 0 while it is empty. Programs reach it only through
 * bpf_tail_call; user space sees the ids.
 */
import { MAP } from '../layout.js'
import { BPF_MAP_TYPE_PROG_ARRAY } from '../uapi/bpf.js'
import { define, I32, i32, ret, select, seq, set, when } from '../wasm/dsl.js'
import type { ModuleBuilder } from '../wasm/module.js'
import { descriptorArray, descriptorSlot, emitDescriptorArray } from './descriptor_array.js'
import type { MapType } from './types.js'

export const progArrayMap: MapType = {
  ...descriptorArray,
  type: BPF_MAP_TYPE_PROG_ARRAY,
  name: 'prog_array',
  shape: () => 'prog_array',
  emit: (module) => ({ lookupUser: emitLookupUser(module), ...emitDescriptorArray(module) }),
}

/** lookup_user(map, key): address of the program's id, 0 for an empty slot. Programs cannot look in. */
function emitLookupUser(module: ModuleBuilder) {
  return define(module, 'lookup_user', [I32, I32], [I32], ([map, key], local) => {
    const at = local(I32)
    return seq(
      when(i32.geU(i32.load(key!), i32.load(map!, MAP.maxEntries)), ret(0)),
      set(at, descriptorSlot(map!, i32.load(key!))),
      select(i32.atomicLoad(at), at, 0),
    )
  })
}
