/** BPF_MAP_TYPE_PERCPU_ARRAY: one array per possible CPU, each on cache lines of its own. */
import { HEADER, MAP } from '../layout.js'
import { alignUp } from '../struct.js'
import { BPF_MAP_TYPE_PERCPU_ARRAY } from '../uapi/bpf.js'
import { brIf, type Expr, i32, loop, type Statement, seq, set } from '../wasm/dsl.js'
import type { Local } from '../wasm/function.js'
import {
  arrayBytes,
  arrayValue,
  emitArrayDelete,
  emitArrayLookup,
  emitArrayNextKey,
  emitArrayUpdate,
  initialiseArray,
} from './array.js'
import { copyBytes } from './bytes.js'
import { checkArray } from './checks.js'
import { percpuArrayStride } from './direct.js'
import type { MapAttributes, MapType } from './types.js'

export const percpuArrayMap: MapType = {
  type: BPF_MAP_TYPE_PERCPU_ARRAY,
  name: 'percpu_array',
  perCpu: true,
  check: (attr) => checkArray(attr, true),
  storage: (attr, cpus) => arrayBytes(attr, cpuStride(attr) * cpus),
  initialise: (views, address, attr, cpus) =>
    initialiseArray(views, address, attr, cpuStride(attr), cpuStride(attr) * cpus),
  shape: (attr) => `percpu_array:v${attr.valueBytes}`,
  emit(module, env, attr) {
    const own = (index: Expr, map: Expr) =>
      i32.add(arrayValue(attr, index, map), i32.mul(env.valueCpu, i32.load(map, MAP.valueStride)))
    return {
      lookup: emitArrayLookup(module, own),
      update: emitArrayUpdate(module, (index, map, value) => copyBytes(own(index, map), value, attr.valueBytes)),
      delete: emitArrayDelete(module),
      nextKey: emitArrayNextKey(module),
      lookupUser: emitArrayLookup(module, (index, map) => arrayValue(attr, index, map), 'lookup_user'),
      updateUser: emitArrayUpdate(
        module,
        (index, map, value, local) => copyAll(attr, index, map, value, local),
        'update_user',
      ),
    }
  },
}

/** Bytes from one CPU's array to the next CPU's. */
function cpuStride(attr: MapAttributes): number {
  return percpuArrayStride(attr.valueBytes, attr.maxEntries)
}

/** Copies the values of all possible CPUs, which `value` holds at multiples of 8 bytes. */
function copyAll(attr: MapAttributes, index: Local, map: Expr, value: Local, local: () => Local): Statement {
  const at = local()
  const left = local()
  const stride = alignUp(attr.valueBytes, 8)
  return seq(
    set(at, arrayValue(attr, index, map)),
    set(left, i32.load(0, HEADER.cpusPossible)),
    loop((leave) =>
      seq(
        brIf(leave, i32.eqz(left)),
        copyBytes(at, value, stride),
        set(value, i32.add(value, stride)),
        set(at, i32.add(at, i32.load(map, MAP.valueStride))),
        set(left, i32.sub(left, 1)),
      ),
    ),
  )
}
