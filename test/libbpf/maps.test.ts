import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { captureMessages, loaded, program, runXdp } from './support.js'

let messages: ReturnType<typeof captureMessages>
const open: number[] = []
beforeEach(() => {
  messages = captureMessages()
})
afterEach(() => {
  messages.restore()
  for (const fd of open.splice(0)) currentKernel().close(fd)
})
afterAll(shutdown)

function create(type: number, key: number, value: number, entries: number, opts?: api.bpf_map_create_opts): number {
  const fd = api.bpf_map_create(type, 'test', key, value, entries, opts)
  if (fd >= 0) open.push(fd)
  return fd
}

const u32 = (value: number): Uint32Array => Uint32Array.of(value)
const u64 = (value: bigint): BigUint64Array => BigUint64Array.of(value)

describe('bpf_map_create', () => {
  // Answers of Linux 6.18.
  it.each([
    ['type 0', [0, 4, 4, 1], -22],
    ['a type of newer kernels', [34, 4, 4, 1], -22],
    ['an unknown type', [1000, 4, 4, 1], -22],
    ['an array with a long key', [2, 8, 4, 1], -22],
    ['an array without entries', [2, 4, 4, 0], -22],
    ['a hash without key', [1, 0, 4, 1], -22],
    ['a perf event array of long values', [4, 4, 8, 1], -22],
    ['a per-CPU array of values past 32 KiB', [6, 4, 32776, 1], -7],
    ['an array with an extra', [2, 4, 4, 1, { map_extra: 1 }], -22],
    ['a key type without value type', [2, 4, 4, 1, { btf_key_type_id: 1 }], -22],
    ['both RDONLY and WRONLY', [2, 4, 4, 1, { map_flags: 8 | 16 }], -22],
    ['more than any memory has', [2, 4, 1 << 30, 0x7fffffff], -12],
  ] as [string, [number, number, number, number, api.bpf_map_create_opts?], number][])(
    'refuses %s',
    (_, args, want) => {
      expect(create(...args)).toBe(want)
      expect(api.errno).toBe(-want)
    },
  )

  it('says -EOPNOTSUPP for types that come later', () => {
    expect(create(api.BPF_MAP_TYPE_LPM_TRIE, 8, 8, 8, { map_flags: 1 })).toBe(-95)
  })

  it('gives the lowest free descriptor and rising ids', () => {
    const a = create(api.BPF_MAP_TYPE_HASH, 4, 4, 8)
    const b = create(api.BPF_MAP_TYPE_HASH, 4, 4, 8)
    expect(b).toBe(a + 1)
    const [first, second] = [{ id: 0 }, { id: 0 }]
    api.bpf_map_get_info_by_fd(a, first)
    api.bpf_map_get_info_by_fd(b, second)
    expect(second.id).toBe(first.id + 1)
    currentKernel().close(a)
    const c = create(api.BPF_MAP_TYPE_HASH, 4, 4, 8)
    expect(c).toBe(a)
    const third = { id: 0 }
    api.bpf_map_get_info_by_fd(c, third)
    expect(third.id).toBe(second.id + 1)
    const next = new Uint32Array(1)
    expect(api.bpf_map_get_next_id(second.id, next)).toBe(0)
    expect(next[0]).toBe(third.id)
    expect(api.bpf_map_get_next_id(third.id, next)).toBe(-2)
  })

  it('tells what it made', () => {
    const fd = create(api.BPF_MAP_TYPE_HASH, 12, 20, 33, { map_flags: api.BPF_F_NO_PREALLOC })
    const info: Partial<api.bpf_map_info> = {}
    expect(api.bpf_obj_get_info_by_fd(fd, info)).toBe(0)
    expect(info).toMatchObject({ type: 1, key_size: 12, value_size: 20, max_entries: 33, map_flags: 1, name: 'test' })
  })
})

describe('elements of a hash', () => {
  it('are updated, found, walked and deleted, with Linux’s errno', () => {
    const fd = create(api.BPF_MAP_TYPE_HASH, 4, 8, 3)
    const value = new BigUint64Array(1)
    expect(api.bpf_map_lookup_elem(fd, u32(1), value)).toBe(-2)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(10n), api.BPF_EXIST)).toBe(-2)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(10n), api.BPF_ANY)).toBe(0)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(11n), api.BPF_NOEXIST)).toBe(-17)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(11n), 3)).toBe(-22)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(11n), 1n << 40n)).toBe(-22)
    expect(api.bpf_map_lookup_elem(fd, u32(1), value)).toBe(0)
    expect(value[0]).toBe(10n)
    for (const key of [2, 3]) expect(api.bpf_map_update_elem(fd, u32(key), u64(BigInt(key)), 0n)).toBe(0)
    expect(api.bpf_map_update_elem(fd, u32(4), u64(4n), 0)).toBe(-7)
    const keys: number[] = []
    const next = new Uint32Array(1)
    let key: Uint32Array | null = null
    while (api.bpf_map_get_next_key(fd, key, next) === 0) {
      keys.push(next[0])
      key = next.slice()
    }
    expect(keys.sort()).toEqual([1, 2, 3])
    expect(api.errno).toBe(2)
    expect(api.bpf_map_lookup_and_delete_elem(fd, u32(2), value)).toBe(0)
    expect(value[0]).toBe(2n)
    expect(api.bpf_map_delete_elem(fd, u32(2))).toBe(-2)
    expect(api.bpf_map_delete_elem(fd, u32(1))).toBe(0)
    expect(api.bpf_map_lookup_elem_flags(fd, u32(3), value, api.BPF_F_LOCK)).toBe(-22)
    expect(api.bpf_map_lookup_elem_flags(fd, u32(3), value, 1)).toBe(-22)
  })

  it('take any view of bytes, long keys and values too', () => {
    const fd = create(api.BPF_MAP_TYPE_HASH, 200, 300, 4)
    const key = new Uint8Array(200).map((_, i) => i)
    const value = new Uint8Array(300).map((_, i) => i * 7)
    expect(api.bpf_map_update_elem(fd, new DataView(key.buffer), value, 0)).toBe(0)
    const out = new Uint8Array(300)
    expect(api.bpf_map_lookup_elem(fd, key, out)).toBe(0)
    expect(out).toEqual(value)
  })

  it('refuse buffers that are too small or missing', () => {
    const fd = create(api.BPF_MAP_TYPE_HASH, 4, 8, 3)
    expect(api.bpf_map_update_elem(fd, u32(1), u32(1), 0)).toBe(-14)
    expect(api.bpf_map_update_elem(fd, null, u64(1n), 0)).toBe(-14)
    expect(api.bpf_map_update_elem(fd, new Uint8Array(3), u64(1n), 0)).toBe(-14)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(1n), 0)).toBe(0)
    expect(api.bpf_map_lookup_elem(fd, u32(1), new Uint8Array(7))).toBe(-14)
  })
})

describe('descriptors', () => {
  it('must be of a map, and allow what they were made for', () => {
    const value = new Uint8Array(8)
    expect(api.bpf_map_lookup_elem(-1, u32(0), value)).toBe(-9)
    expect(api.bpf_map_lookup_elem(1000, u32(0), value)).toBe(-9)
    const object = loaded('maps')
    const programFd = api.bpf_program__fd(api.bpf_object__next_program(object, null)!)
    expect(api.bpf_map_lookup_elem(programFd, u32(0), value)).toBe(-22)
    api.bpf_object__close(object)
    const readOnly = create(api.BPF_MAP_TYPE_ARRAY, 4, 8, 1, { map_flags: api.BPF_F_RDONLY })
    expect(api.bpf_map_update_elem(readOnly, u32(0), value, 0)).toBe(-1)
    expect(api.bpf_map_lookup_elem(readOnly, u32(0), value)).toBe(0)
    const writeOnly = create(api.BPF_MAP_TYPE_ARRAY, 4, 8, 1, { map_flags: api.BPF_F_WRONLY })
    expect(api.bpf_map_update_elem(writeOnly, u32(0), value, 0)).toBe(0)
    expect(api.bpf_map_lookup_elem(writeOnly, u32(0), value)).toBe(-1)
    expect(api.bpf_map_get_next_key(writeOnly, null, u32(0))).toBe(-1)
  })

  it('write no more once the map is frozen', () => {
    const fd = create(api.BPF_MAP_TYPE_ARRAY, 4, 8, 1)
    expect(api.bpf_map_freeze(fd)).toBe(0)
    expect(api.bpf_map_freeze(fd)).toBe(-1)
    expect(api.bpf_map_update_elem(fd, u32(0), u64(1n), 0)).toBe(-1)
    expect(api.bpf_map_lookup_elem(fd, u32(0), new Uint8Array(8))).toBe(0)
  })
})

describe('arrays', () => {
  it('have all their elements, none to delete', () => {
    const fd = create(api.BPF_MAP_TYPE_ARRAY, 4, 8, 2)
    expect(api.bpf_map_update_elem(fd, u32(2), u64(1n), 0)).toBe(-7)
    expect(api.bpf_map_update_elem(fd, u32(1), u64(1n), api.BPF_NOEXIST)).toBe(-17)
    expect(api.bpf_map_lookup_elem(fd, u32(2), new Uint8Array(8))).toBe(-2)
    expect(api.bpf_map_delete_elem(fd, u32(1))).toBe(-22)
    expect(api.bpf_map_lookup_and_delete_elem(fd, u32(1), new Uint8Array(8))).toBe(-524)
  })

  it('of perf events cannot be read, and take only perf events', () => {
    const fd = create(api.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2)
    expect(api.bpf_map_lookup_elem(fd, u32(0), new Uint8Array(4))).toBe(-524)
    expect(api.bpf_map_update_elem(fd, u32(0), u32(9999), 0)).toBe(-9)
    expect(api.bpf_map_update_elem(fd, u32(0), u32(fd), 0)).toBe(-9)
    expect(api.bpf_map_update_elem(fd, u32(2), u32(fd), 0)).toBe(-7)
    expect(api.bpf_map_update_elem(fd, u32(0), u32(fd), 1)).toBe(-22)
    expect(api.bpf_map_delete_elem(fd, u32(0))).toBe(-2)
    expect(api.bpf_map_delete_elem(fd, u32(2))).toBe(-7)
  })
})

describe('per-CPU values', () => {
  it('come and go as one value for each possible CPU, 8 bytes apart', () => {
    const cpus = api.libbpf_num_possible_cpus()
    for (const type of [api.BPF_MAP_TYPE_PERCPU_ARRAY, api.BPF_MAP_TYPE_PERCPU_HASH]) {
      const fd = create(type, 4, 12, 2)
      const values = new Uint8Array(16 * cpus).map((_, i) => i + 1)
      expect(api.bpf_map_update_elem(fd, u32(1), new Uint8Array(16 * cpus - 1), 0)).toBe(-14)
      expect(api.bpf_map_update_elem(fd, u32(1), values, 0)).toBe(0)
      const out = new Uint8Array(16 * cpus)
      expect(api.bpf_map_lookup_elem(fd, u32(1), out)).toBe(0)
      for (let cpu = 0; cpu < cpus; cpu++) {
        expect(out.subarray(cpu * 16, cpu * 16 + 12)).toEqual(values.subarray(cpu * 16, cpu * 16 + 12))
      }
    }
  })
})

describe('bpf_map__*_elem', () => {
  it('checks sizes before it asks, and names the map', () => {
    const object = loaded('maps')
    const map = api.bpf_object__find_map_by_name(object, 'array')!
    expect(api.bpf_map__lookup_elem(map, new Uint8Array(8), new Uint8Array(8), 0)).toBe(-22)
    expect(api.bpf_map__update_elem(map, new Uint8Array(4), new Uint8Array(4), 0)).toBe(-22)
    const percpu = api.bpf_object__find_map_by_name(object, 'percpu_array')!
    expect(api.bpf_map__lookup_elem(percpu, new Uint8Array(4), new Uint8Array(24), 0)).toBe(-22)
    expect(messages.lines.map(([, text]) => text)).toEqual([
      "libbpf: map 'array': unexpected key size 8 provided, expected 4\n",
      "libbpf: map 'array': unexpected value size 4 provided, expected 8\n",
      "libbpf: map 'percpu_array': unexpected value size 24 provided for per-CPU map, expected 2 * 24 = 48\n",
    ])
    api.bpf_object__close(object)
  })

  it('sees what programs did, and programs see what it did', () => {
    const object = loaded('maps')
    const map = api.bpf_object__find_map_by_name(object, 'hash')!
    expect([runXdp(object, 'count_hash'), runXdp(object, 'count_hash')]).toEqual([1, 2])
    const key = Uint32Array.of(0, 7)
    const value = new BigUint64Array(1)
    expect(api.bpf_map__lookup_elem(map, key, value, 0)).toBe(0)
    expect(value[0]).toBe(2n)
    expect(api.bpf_map__update_elem(map, key, u64(40n), api.BPF_EXIST)).toBe(0)
    expect(runXdp(object, 'count_hash')).toBe(41)
    const next = new Uint32Array(2)
    expect(api.bpf_map__get_next_key(map, null, next)).toBe(0)
    expect(next).toEqual(key)
    expect(api.bpf_map__get_next_key(map, next, next)).toBe(-2)
    expect(api.bpf_map__delete_elem(map, key, 0)).toBe(0)
    expect(runXdp(object, 'count_hash')).toBe(1)
    api.bpf_object__close(object)
  })

  it('answers -ENOENT before the map exists', () => {
    const object = api.bpf_object__open(program('maps'))!
    const map = api.bpf_object__find_map_by_name(object, 'array')!
    expect(api.bpf_map__lookup_elem(map, new Uint8Array(4), new Uint8Array(8), 0)).toBe(-2)
    api.bpf_object__close(object)
  })
})

describe('bpf_map__reuse_fd', () => {
  it('puts another map in the place of the object’s', () => {
    const fd = create(api.BPF_MAP_TYPE_HASH, 8, 8, 7)
    const object = api.bpf_object__open(program('maps'))!
    const map = api.bpf_object__find_map_by_name(object, 'hash')!
    expect(api.bpf_map__reuse_fd(map, fd)).toBe(0)
    expect(api.bpf_map__max_entries(map)).toBe(7)
    expect(api.bpf_object__load(object)).toBe(0)
    expect(runXdp(object, 'count_hash')).toBe(1)
    const value = new BigUint64Array(1)
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(0, 7), value)).toBe(0)
    expect(value[0]).toBe(1n)
    api.bpf_object__close(object)
  })
})
