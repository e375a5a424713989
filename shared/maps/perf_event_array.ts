/**
 * BPF_MAP_TYPE_PERF_EVENT_ARRAY. A slot holds the address of a PERF_RING, 0 while it is empty. Programs reach it only
 * through bpf_perf_event_output and its kin.
 */
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '../uapi/bpf.js'
import { descriptorArray, emitDescriptorArray } from './descriptor_array.js'
import type { MapType } from './types.js'

export const perfEventArrayMap: MapType = {
  ...descriptorArray,
  type: BPF_MAP_TYPE_PERF_EVENT_ARRAY,
  name: 'perf_event_array',
  shape: () => 'perf_event_array',
  emit: (module) => emitDescriptorArray(module),
}
