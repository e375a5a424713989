import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { shutdown, spawn } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { captureMessages, fdOfMap, loaded } from './support.js'

const DD_MS = 20_000

let messages: ReturnType<typeof captureMessages>
let before: number[]

function state(): number[] {
  const kernel = currentKernel()
  const { files, maps, programs, links, perfEvents, machine } = kernel
  return [files.count, maps.size, programs.size, links.size, perfEvents.size, machine.allocator.usedBytes]
}

beforeEach(() => {
  messages = captureMessages()
  before = state()
})
afterEach(() => {
  expect(state()).toEqual(before)
  messages.restore()
})
afterAll(shutdown)

/** Runs dd for `count` blocks; its pid. */
function dd(count: number, cpu = 0): number {
  const task = spawn('dd', { cpu, args: ['if=/dev/zero', 'of=/dev/null', 'bs=16', `count=${count}`] })
  const { pid } = task
  expect(task.wait(DD_MS)).toBe(0)
  return pid
}

const program = (object: api.bpf_object, name: string): api.bpf_program =>
  api.bpf_object__find_program_by_name(object, name)!

describe('kprobes', () => {
  it('attached by section see the call until the link is destroyed', () => {
    const object = loaded('kprobe_write')
    const link = api.bpf_program__attach(program(object, 'on_write'))!
    expect(link).not.toBeNull()
    expect(api.bpf_link__fd(link)).toBeGreaterThanOrEqual(3)
    const pid = dd(3)
    const event = new Uint8Array(64)
    const fd = fdOfMap(object, 'last')
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(pid), event)).toBe(0)
    expect(new TextDecoder().decode(event.subarray(40, 42))).toBe('dd')
    expect(api.bpf_link__destroy(link)).toBe(0)
    expect(api.bpf_map_lookup_elem(fd, Uint32Array.of(dd(3)), event)).toBe(-2)
    api.bpf_object__close(object)
  })

  it('on return see the result', () => {
    const object = loaded('kprobe_write')
    const link = api.bpf_program__attach_kprobe(program(object, 'on_write_return'), true, '__x64_sys_write')!
    dd(2)
    const value = new BigInt64Array(1)
    expect(api.bpf_map_lookup_elem(fdOfMap(object, 'returned'), new Uint32Array(1), value)).toBe(0)
    // The last write of dd is its report on standard error, or a block of 16 bytes.
    expect(Number(value[0])).toBeGreaterThan(0)
    api.bpf_link__destroy(link)
    api.bpf_object__close(object)
  })

  it('attach to a system call by its bare name', () => {
    const object = loaded('kprobe_write')
    const link = api.bpf_program__attach_ksyscall(program(object, 'on_write'), 'write')!
    const event = new Uint8Array(64)
    expect(api.bpf_map_lookup_elem(fdOfMap(object, 'last'), Uint32Array.of(dd(1)), event)).toBe(0)
    api.bpf_link__destroy(link)
    api.bpf_object__close(object)
  })

  it('answer ENOENT for a function that is not there', () => {
    const object = loaded('kprobe_write')
    expect(api.bpf_program__attach_kprobe(program(object, 'on_write'), false, 'nosuch')).toBeNull()
    expect(api.errno).toBe(2)
    expect(messages.text()).toBe("libbpf: prog 'on_write': failed to create kprobe 'nosuch+0x0' perf event: -ENOENT\n")
    api.bpf_object__close(object)
  })
})

describe('tracepoints', () => {
  it('attached by section see names and results', () => {
    const object = loaded('tracepoint_openat')
    const links = ['on_enter', 'on_exit'].map((name) => api.bpf_program__attach(program(object, name))!)
    const pid = dd(1)
    const entry = new Uint8Array(88)
    const id = (BigInt(pid) << 32n) + BigInt(pid)
    expect(api.bpf_map_lookup_elem(fdOfMap(object, 'opened'), BigUint64Array.of(id), entry)).toBe(0)
    expect(new TextDecoder().decode(entry.subarray(24, 33))).toMatch(/^\/dev\//)
    for (const link of links) api.bpf_link__destroy(link)
    api.bpf_object__close(object)
  })

  it('answer ENOENT for what is not there, EINVAL for the wrong type of program', () => {
    const object = loaded('tracepoint_openat')
    const prog = program(object, 'on_enter')
    expect(api.bpf_program__attach_tracepoint(prog, 'syscalls', 'nosuch')).toBeNull()
    expect(api.errno).toBe(2)
    expect(messages.text()).toContain(
      "prog 'on_enter': failed to create tracepoint 'syscalls/nosuch' perf event: -ENOENT",
    )
    expect(api.bpf_program__attach_kprobe(prog, false, '__x64_sys_write')).toBeNull()
    expect(api.errno).toBe(22)
    expect(api.bpf_program__attach_raw_tracepoint(prog, 'sys_enter')).toBeNull()
    expect(api.errno).toBe(22)
    api.bpf_object__close(object)
  })

  it('are raw with raw programs', () => {
    const object = loaded('raw_tracepoint')
    const links = api.bpf_object__for_each_program(object).map((prog) => api.bpf_program__attach(prog))
    expect(links.every((link) => link !== null)).toBe(true)
    const info: Partial<api.bpf_link_info> = {}
    expect(api.bpf_link_get_info_by_fd(api.bpf_link__fd(links[0]!), info)).toBe(0)
    expect(info.type).toBe(api.BPF_LINK_TYPE_RAW_TRACEPOINT)
    dd(1)
    const first = api.bpf_object__next_map(object, null)!
    const key = new Uint8Array(api.bpf_map__key_size(first))
    expect(api.bpf_map__get_next_key(first, null, key)).toBe(0)
    const prog = api.bpf_object__next_program(object, null)!
    expect(api.bpf_program__attach_raw_tracepoint(prog, 'nosuch')).toBeNull()
    expect(api.errno).toBe(2)
    for (const link of links) api.bpf_link__destroy(link)
    api.bpf_object__close(object)
  })
})

describe('bpf_program__attach', () => {
  it('wants a loaded program', () => {
    const object = loaded('kprobe_write')
    api.bpf_object__close(object)
    expect(api.bpf_program__attach(program(object, 'on_write'))).toBeNull()
    expect(api.errno).toBe(22)
    expect(messages.text()).toContain("prog 'on_write': can't attach before loaded")
  })

  it('answers EOPNOTSUPP for sections that do not attach by themselves', () => {
    const object = loaded('xdp_packet')
    expect(api.bpf_program__attach(program(object, 'filter'))).toBeNull()
    expect(api.errno).toBe(95)
    expect(api.bpf_program__attach(null as unknown as api.bpf_program)).toBeNull()
    expect(api.errno).toBe(22)
    api.bpf_object__close(object)
  })
})

describe('links', () => {
  it('keep the program attached when the object closes, and let it go with the last of them', () => {
    const object = loaded('kprobe_write')
    const link = api.bpf_program__attach(program(object, 'on_write'))!
    const info: Partial<api.bpf_link_info> = {}
    api.bpf_link_get_info_by_fd(api.bpf_link__fd(link), info)
    expect(info.perf_event?.kprobe?.func_name).toBe('__x64_sys_write')
    api.bpf_object__close(object)
    const fd = api.bpf_prog_get_fd_by_id(info.prog_id!)
    const facts: Partial<api.bpf_prog_info> = {}
    api.bpf_prog_get_info_by_fd(fd, facts)
    currentKernel().close(fd)
    const map = api.bpf_map_get_fd_by_id(facts.map_ids![0])
    const pid = dd(1)
    expect(api.bpf_map_lookup_elem(map, Uint32Array.of(pid), new Uint8Array(64))).toBe(0)
    currentKernel().close(map)
    api.bpf_link__destroy(link)
    expect(api.bpf_prog_get_fd_by_id(info.prog_id!)).toBe(-2)
  })

  it('of kprobes cannot be detached or updated, as in Linux; null is destroyed without harm', () => {
    const object = loaded('kprobe_write')
    const link = api.bpf_program__attach(program(object, 'on_write'))!
    expect(api.bpf_link__detach(link)).toBe(-95)
    expect(api.bpf_link__update_program(link, program(object, 'on_write'))).toBe(-22)
    expect(api.bpf_link__destroy(link)).toBe(0)
    expect(api.bpf_link__destroy(null)).toBe(0)
    api.bpf_object__close(object)
  })
})
