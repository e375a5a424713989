import { afterAll, afterEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { captureMessages } from './support.js'

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)))

afterAll(shutdown)

describe('libbpf_strerror', () => {
  // Answers of libbpf 1.1 over glibc.
  it.each([
    [2, 100, 0, 'No such file or directory'],
    [-2, 100, 0, 'No such file or directory'],
    [2, 5, 34, 'No s'],
    [600, 50, 22, 'Unknown error 600'],
    [3999, 100, 22, 'Unknown error 3999'],
    [4000, 100, 0, 'Something wrong in libelf'],
    [4006, 100, 0, '(null)'],
    [4012, 100, 0, 'Invalid netlink sequence'],
    [4005, 5, -34, 'Relo'],
    [4014, 100, -2, 'Unknown libbpf error 4014'],
    [99999, 50, -2, 'Unknown libbpf error 99999'],
  ])('of %i into %i bytes', (error, bytes, result, wanted) => {
    const buffer = new Uint8Array(bytes)
    expect(api.libbpf_strerror(error, buffer)).toBe(result)
    expect(text(buffer)).toBe(wanted)
  })

  it('wants a buffer', () => {
    api.set_errno(0)
    expect(api.libbpf_strerror(2, new Uint8Array(0))).toBe(-22)
    expect(api.errno).toBe(22)
  })
})

describe('section names', () => {
  // Program type, expected attach type, and libbpf_attach_type_by_name's answer, as libbpf gives them.
  it.each([
    ['xdp', 0, 6, 37, 37],
    ['kprobe/foo', 0, 2, 0, -22],
    ['tp/a', 0, 5, 0, -22],
    ['cgroup/dev', 0, 15, 6, 6],
    ['nosuch', -3, -1, -1, -22],
    ['lsm/x', 0, 29, 27, -22],
    ['sk_lookup', 0, 30, 36, 36],
    ['fentry/x', 0, 26, 24, -22],
    ['sockops', 0, 13, 3, 3],
    ['iter/x', 0, 26, 28, -22],
    ['?xdp', -3, -1, -1, -22],
    ['cgroup/sock', 0, 9, 2, 2],
  ])('%s', (name, result, type, expected, attach) => {
    const [t, e, a] = [new Int32Array([-1]), new Int32Array([-1]), new Int32Array([-1])]
    expect(api.libbpf_prog_type_by_name(name, t, e)).toBe(result)
    expect([t[0], e[0]]).toEqual([type, expected])
    expect(api.libbpf_attach_type_by_name(name, a)).toBe(Math.min(attach, 0))
    if (attach >= 0) expect(a[0]).toBe(attach)
  })
})

describe('names of types', () => {
  it('follow the enumerations and end with them', () => {
    expect(api.libbpf_bpf_map_type_str(api.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE)).toBe('percpu_cgroup_storage')
    expect(api.libbpf_bpf_map_type_str(api.BPF_MAP_TYPE_ARENA)).toBe('arena')
    expect(api.libbpf_bpf_prog_type_str(api.BPF_PROG_TYPE_NETFILTER)).toBe('netfilter')
    expect(api.libbpf_bpf_attach_type_str(api.BPF_TRACE_UPROBE_MULTI)).toBe('trace_uprobe_multi')
    expect(api.libbpf_bpf_link_type_str(api.BPF_LINK_TYPE_PERF_EVENT)).toBe('perf_event')
    for (const name of [api.libbpf_bpf_map_type_str, api.libbpf_bpf_prog_type_str, api.libbpf_bpf_link_type_str]) {
      expect([name(-1), name(1000)]).toEqual([null, null])
    }
  })
})

describe('libbpf_set_print', () => {
  const before = captureMessages()
  before.restore()
  afterEach(() => before.restore())

  it('returns the receiver until now, and null silences', () => {
    const mine = (): void => {}
    const old = api.libbpf_set_print(mine)
    expect(api.libbpf_set_print(null)).toBe(mine)
    expect(api.bpf_object__open('/nonexistent')).toBeNull()
    api.libbpf_set_print(old)
  })

  it('gives level and text, and errno survives the callback', () => {
    const lines: [number, string][] = []
    const old = api.libbpf_set_print((level, line) => {
      api.set_errno(99)
      lines.push([level, line])
    })
    expect(api.bpf_object__open('/nonexistent')).toBeNull()
    api.libbpf_set_print(old)
    expect(api.errno).toBe(2)
    expect(lines).toEqual([[api.LIBBPF_WARN, 'libbpf: elf: failed to open /nonexistent: -ENOENT\n']])
  })
})

it('is libbpf 1.8', () => {
  expect([api.libbpf_major_version(), api.libbpf_minor_version()]).toEqual([1, 8])
  expect(api.libbpf_version_string()).toBe('v1.8')
  expect(api.libbpf_num_possible_cpus()).toBe(2)
})
