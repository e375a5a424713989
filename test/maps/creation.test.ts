/** Requests for maps with every field of BPF_MAP_CREATE, judged by our checks and by the kernel. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bpf_map_create } from '#lib/index.js'
import { boot, shutdown } from '#lib/machine/index.js'
import { FileTable } from '#lib/syscall/files.js'
import { checkCreation, type MapCreateAttr } from '#lib/syscall/map_create.js'
import { creationOnly } from '#shared/maps/creation_only.js'
import { mapTypeOf, mapTypes } from '#shared/maps/registry.js'
import { BPF_MAP_TYPE_ARENA, BPF_MAP_TYPE_CGROUP_ARRAY, BPF_MAP_TYPE_STRUCT_OPS } from '#shared/uapi/bpf.js'
import { EINVAL, ENOMEM, EOPNOTSUPP } from '#shared/uapi/errno.js'
import { Random } from '#test/maps/random.js'
import { askKernel, probeKernel } from './kernel.js'

const REQUESTS = 4000
const NEWEST_TYPE = BPF_MAP_TYPE_ARENA
const kernel = probeKernel()
if (!kernel.available) console.log(`creation is not compared with the kernel: ${kernel.why}`)

/** Sizes that fit each type, so that requests get past its first checks. */
function fitting(type: number): Partial<MapCreateAttr> {
  if ([22, 23, 30].includes(type)) return { key_size: 0, value_size: 8, max_entries: 4 }
  if ([27, 31].includes(type)) return { key_size: 0, value_size: 0, max_entries: 4096 }
  if (type === BPF_MAP_TYPE_ARENA) return { key_size: 0, value_size: 0, max_entries: 4, map_flags: 1024 }
  if ([19, 21].includes(type)) return { key_size: 8, value_size: 8, max_entries: 0 }
  if ([24, 28, 29, 32].includes(type)) return { key_size: 4, value_size: 8, max_entries: 0, map_flags: 1 }
  if (type === 26) return { key_size: 4, value_size: 8, max_entries: 1 }
  if (type === 11) return { key_size: 8, value_size: 8, max_entries: 4, map_flags: 1 }
  if ([3, 4, 8, 12, 13, 14, 15, 16, 17, 18, 20, 25].includes(type)) {
    return { key_size: 4, value_size: 4, max_entries: 4 }
  }
  return { key_size: 4, value_size: 8, max_entries: 4 }
}

function randomRequest(random: Random): MapCreateAttr {
  const pick = <T>(list: T[]): T => list[random.below(list.length)]!
  const map_type = random.below(NEWEST_TYPE + 4)
  const request: MapCreateAttr = { map_type, ...fitting(map_type) }
  const changes: (() => Partial<MapCreateAttr>)[] = [
    () => ({ key_size: pick([0, 1, 4, 5, 8, 12, 16, 260, 261, 512, 513, 4_194_300, 0xffffffff]) }),
    () => ({ value_size: pick([0, 1, 3, 4, 8, 32, 1016, 1024, 32768, 32769, 65407, 65408, 4_194_024, 4_194_305]) }),
    () => ({ max_entries: pick([0, 1, 2, 3, 100, 256, 257, 4096, 8192, 10_000]) }),
    () => ({ map_flags: ((request.map_flags ?? 0) ^ (1 << random.below(20))) >>> 0 }),
    () => ({ map_flags: (1 << random.below(20)) | (1 << random.below(20)) }),
    () => ({ numa_node: pick([0, 1, 0xffffffff]), map_flags: (request.map_flags ?? 0) | 4 }),
    () => ({ map_extra: pick([1, 4096, 15, 16, 0xfffff000, 0x7fff00000000, 2 ** 52]) }),
    () => ({ inner_map_fd: pick([0, 1, 9999]) }),
    () => ({ map_ifindex: pick([1, 1, 9999]) }),
    () => ({ btf_key_type_id: 1 }),
    () => ({ btf_vmlinux_value_type_id: 1, btf_value_type_id: pick([0, 1]) }),
    () => ({ map_flags: (request.map_flags ?? 0) | 65536, map_token_fd: pick([0, 9999]) }),
    () => ({ map_name: pick(['ok_name', 'a.b', 'bad-name', 'bad name']) }),
  ]
  for (let count = random.below(3); count >= 0; count--) Object.assign(request, pick(changes)())
  return request
}

/** Nothing that would make the kernel clear many megabytes; nor a struct_ops type, which its own BTF would judge. */
const harmless = (request: MapCreateAttr): boolean => {
  if (request.map_type === BPF_MAP_TYPE_STRUCT_OPS && !request.btf_value_type_id) return false
  const bytes = (request.key_size ?? 0) + (request.value_size ?? 0)
  return bytes > 2 ** 31 || bytes * (request.max_entries ?? 0) < 2 ** 24
}

describe('creation', () => {
  it.runIf(kernel.available)('is judged as the kernel judges it', () => {
    const random = new Random()
    console.log(`seed ${random.seed}`)
    const requests = Array.from({ length: REQUESTS }, () => randomRequest(random)).filter(harmless)
    const [theirs] = askKernel([{ command: 'request', requests }]) as [number[]]
    const files = new FileTable()
    let created = 0
    for (const [index, request] of requests.entries()) {
      if (theirs[index] === 0) created++
      // What fails for want of memory there depends on the machine.
      if (theirs[index] === -ENOMEM) continue
      expect([request, checkCreation(files, request)]).toEqual([request, theirs[index]])
    }
    expect(created).toBeGreaterThan(REQUESTS / 20)
  })

  it('knows the 33 types of 6.18 and no other', () => {
    const known = new Set([...mapTypes, ...creationOnly].map(({ type }) => type))
    expect([...known].sort((a, b) => a - b)).toEqual(Array.from({ length: NEWEST_TYPE }, (_, index) => index + 1))
  })

  describe('through the library', () => {
    beforeAll(() => void boot())
    afterAll(() => shutdown())

    it('answers -EOPNOTSUPP for a good request that cannot be served, -EINVAL for a bad one', () => {
      expect(mapTypeOf(BPF_MAP_TYPE_CGROUP_ARRAY)).toBeUndefined()
      expect(bpf_map_create(BPF_MAP_TYPE_CGROUP_ARRAY, 'cgroups', 4, 4, 1)).toBe(-EOPNOTSUPP)
      expect(bpf_map_create(BPF_MAP_TYPE_CGROUP_ARRAY, 'cgroups', 4, 8, 1)).toBe(-EINVAL)
      expect(bpf_map_create(NEWEST_TYPE + 1, 'newer', 4, 4, 1)).toBe(-EINVAL)
    })
  })
})
