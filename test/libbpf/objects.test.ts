import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'
import { currentKernel } from '#lib/syscall/current.js'
import { captureMessages, fdOfProgram, loaded, program, runXdp } from './support.js'

let messages: ReturnType<typeof captureMessages>
beforeEach(() => {
  messages = captureMessages()
})
afterEach(() => messages.restore())
afterAll(shutdown)

describe('bpf_object__open', () => {
  it('names the object after the file up to the first dot, or as told', () => {
    const object = api.bpf_object__open(program('maps'))!
    expect(api.bpf_object__name(object)).toBe('maps')
    const renamed = api.bpf_object__open_file(program('maps'), { object_name: 'a_name_longer_than_fifteen' })!
    expect(api.bpf_object__name(renamed)).toBe('a_name_longer_t')
    api.bpf_object__close(object)
    api.bpf_object__close(renamed)
  })

  it('gives null and errno for a file that is not there, and says so', () => {
    expect(api.bpf_object__open('/nonexistent/x.o')).toBeNull()
    expect(api.errno).toBe(2)
    expect(api.libbpf_get_error(null)).toBe(-2)
    expect(messages.text()).toBe('libbpf: elf: failed to open /nonexistent/x.o: -ENOENT\n')
  })

  it('gives null and LIBBPF_ERRNO__FORMAT or LIBELF for what is no BPF object', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'smpbpf-')), 'x.o')
    writeFileSync(path, 'not an ELF file at all')
    expect(api.bpf_object__open(path)).toBeNull()
    expect(api.errno).toBeGreaterThanOrEqual(4000)
    expect(messages.lines.length).toBeGreaterThan(0)
  })

  it('takes null, empty and missing arguments as EINVAL', () => {
    expect(api.bpf_object__open_file(null as unknown as string, null)).toBeNull()
    expect(api.errno).toBe(22)
    api.set_errno(0)
    expect(api.bpf_object__open_mem(new Uint8Array(0), null)).toBeNull()
    expect(api.errno).toBe(22)
    expect(api.bpf_object__load(null as unknown as api.bpf_object)).toBe(-22)
  })

  it('opens from memory, under the name given', () => {
    const object = api.bpf_object__open_mem(readFileSync(program('maps')), { object_name: 'mine' })!
    expect(api.bpf_object__name(object)).toBe('mine')
    expect(api.bpf_object__find_map_by_name(object, 'hash')).not.toBeNull()
    api.bpf_object__close(object)
  })

  it('opens legacy maps by default and refuses them on request', () => {
    expect(api.bpf_object__open_file(program('legacy'), { legacy_maps: false })).toBeNull()
    expect(api.errno).toBe(95)
    const object = api.bpf_object__open_file(program('legacy'))!
    expect(api.bpf_object__load(object)).toBe(0)
    api.bpf_object__close(object)
  })
})

describe('iteration and look-up', () => {
  it('walks programs and maps both ways', () => {
    const object = api.bpf_object__open(program('maps'))!
    const forwards: string[] = []
    for (let p = api.bpf_object__next_program(object, null); p; p = api.bpf_object__next_program(object, p)) {
      forwards.push(api.bpf_program__name(p))
    }
    const backwards: string[] = []
    for (let p = api.bpf_object__prev_program(object, null); p; p = api.bpf_object__prev_program(object, p)) {
      backwards.unshift(api.bpf_program__name(p))
    }
    expect(forwards).toContain('count_hash')
    expect(backwards).toEqual(forwards)
    expect(api.bpf_object__for_each_program(object).map(api.bpf_program__name)).toEqual(forwards)
    const maps: (string | null)[] = []
    for (let m = api.bpf_object__next_map(object, null); m; m = api.bpf_object__next_map(object, m)) {
      maps.push(api.bpf_map__name(m))
    }
    expect(maps).toEqual(api.bpf_object__for_each_map(object).map(api.bpf_map__name))
    expect(maps.slice(0, 4)).toEqual(['hash', 'array', 'percpu_hash', 'percpu_array'])
    api.bpf_object__close(object)
  })

  it('answers ENOENT for names that are not there', () => {
    const object = api.bpf_object__open(program('maps'))!
    expect(api.bpf_object__find_program_by_name(object, 'nosuch')).toBeNull()
    expect(api.errno).toBe(2)
    api.set_errno(0)
    expect(api.bpf_object__find_map_by_name(object, '.nosuch')).toBeNull()
    expect(api.errno).toBe(2)
    expect(api.bpf_object__find_map_fd_by_name(object, 'nosuch')).toBe(-2)
    api.bpf_object__close(object)
  })
})

describe('before and after load', () => {
  it('has no descriptors before, refuses changes after, and loads once', () => {
    const object = api.bpf_object__open(program('maps'))!
    const map = api.bpf_object__find_map_by_name(object, 'array')!
    const prog = api.bpf_object__find_program_by_name(object, 'count_array')!
    expect(api.bpf_program__fd(prog)).toBe(-2)
    expect(api.bpf_map__fd(map)).toBe(-1)
    expect(api.bpf_map__set_max_entries(map, 9)).toBe(0)
    expect(api.bpf_object__load(object)).toBe(0)
    expect(api.bpf_map__max_entries(map)).toBe(9)
    expect(api.bpf_map__fd(map)).toBeGreaterThanOrEqual(3)
    expect(api.bpf_program__fd(prog)).toBeGreaterThanOrEqual(3)
    const refusals = [
      api.bpf_map__set_max_entries(map, 10),
      api.bpf_map__set_type(map, 1),
      api.bpf_map__set_autocreate(map, false),
      api.bpf_program__set_type(prog, 1),
      api.bpf_program__set_insns(prog, new Uint8Array(8)),
    ]
    expect(refusals).toEqual([-16, -16, -16, -16, -16])
    expect(api.bpf_program__set_autoload(prog, false)).toBe(-22)
    expect(api.bpf_object__load(object)).toBe(-22)
    expect(messages.text()).toContain("object 'maps': load can't be attempted twice")
    api.bpf_object__close(object)
  })

  it('hands out what the file says about programs', () => {
    const object = api.bpf_object__open(program('kprobe_write'))!
    const prog = api.bpf_object__next_program(object, null)!
    expect(api.bpf_program__section_name(prog)).toMatch(/^kprobe\//)
    expect(api.bpf_program__type(prog)).toBe(api.BPF_PROG_TYPE_KPROBE)
    expect(api.bpf_program__insns(prog).length).toBe(api.bpf_program__insn_cnt(prog) * 8)
    api.bpf_object__close(object)
  })

  it('loads only what autoload says', () => {
    const object = api.bpf_object__open(program('maps'))!
    const all = api.bpf_object__for_each_program(object)
    for (const prog of all.slice(1)) api.bpf_program__set_autoload(prog, false)
    expect(api.bpf_object__load(object)).toBe(0)
    expect(all.map((prog) => api.bpf_program__fd(prog) >= 0)).toEqual(all.map((_, i) => i === 0))
    api.bpf_object__close(object)
  })

  it('says why an object cannot be loaded, and leaves nothing behind', () => {
    const kernel = currentKernel()
    const before = [kernel.files.count, kernel.maps.size, kernel.machine.allocator.usedBytes]
    const object = api.bpf_object__open(program('needs_kernel'))!
    expect(api.bpf_object__load(object)).toBe(-95)
    expect(messages.text()).toContain('not supported yet')
    expect(messages.text()).toContain('failed to load object')
    api.bpf_object__close(object)
    expect([kernel.files.count, kernel.maps.size, kernel.machine.allocator.usedBytes]).toEqual(before)
  })

  it('fails with the verifier’s words when a program is malformed', () => {
    const object = api.bpf_object__open(program('xdp_packet'))!
    const prog = api.bpf_object__next_program(object, null)!
    const log = new Uint8Array(4096)
    api.bpf_program__set_log_buf(prog, log)
    // ja +100
    api.bpf_program__set_insns(prog, Uint8Array.of(0x05, 0, 100, 0, 0, 0, 0, 0))
    expect(api.bpf_object__load(object)).toBe(-22)
    expect(new TextDecoder().decode(log)).toContain('jump out of range from insn 0 to 101')
    expect(messages.text()).toContain(`prog '${api.bpf_program__name(prog)}': failed to load: -EINVAL`)
    api.bpf_object__close(object)
  })
})

describe('global variables', () => {
  it('are initialised from the file and live in memory shared with the programs', () => {
    const object = api.bpf_object__open(program('globals'))!
    const data = api.bpf_object__find_map_by_name(object, '.data')!
    expect(api.bpf_map__is_internal(data)).toBe(true)
    expect(api.bpf_map__name(data)).toBe('globals.data')
    const rodata = api.bpf_object__find_map_by_name(object, '.rodata')!
    expect(api.bpf_map__set_initial_value(rodata, new Uint8Array(1))).toBe(-22)
    expect(api.bpf_object__load(object)).toBe(0)
    const first = runXdp(object, 'advance')
    const second = runXdp(object, 'advance')
    // counter +5, hits +1, pair.second +1; pair.first + table[3] = 18 throughout.
    expect([first, second]).toEqual([5 + 1 + 18 + 21, 10 + 2 + 18 + 22])
    const bss = api.bpf_map__initial_value(api.bpf_object__find_map_by_name(object, '.bss')!)!
    // hits is first, counter at its own alignment behind it.
    expect(new BigUint64Array(bss.slice().buffer, 0, 2)).toEqual(BigUint64Array.of(2n, 10n))
    bss.fill(0)
    expect(runXdp(object, 'advance')).toBe(5 + 1 + 18 + 23)
    api.bpf_object__close(object)
    expect(api.bpf_map__initial_value(data)).toBeNull()
  })

  it('keep .rodata from being written', () => {
    const object = loaded('globals')
    const rodata = api.bpf_object__find_map_by_name(object, '.rodata')!
    const value = new Uint8Array(api.bpf_map__value_size(rodata))
    const key = new Uint32Array(1)
    expect(api.bpf_map__lookup_elem(rodata, key, value, 0)).toBe(0)
    expect(api.bpf_map__update_elem(rodata, key, value, 0)).toBe(-1)
    expect(api.bpf_map_freeze(api.bpf_map__fd(rodata))).toBe(-1)
    expect(runXdp(object, 'letter')).toBe('h'.charCodeAt(0))
    api.bpf_object__close(object)
  })
})

describe('references', () => {
  it('keep a map while a program uses it, and let it go with the program', () => {
    const kernel = currentKernel()
    const maps = kernel.maps.size
    const object = loaded('maps')
    const fd = fdOfProgram(object, 'count_hash')
    const info: Partial<api.bpf_prog_info> = {}
    expect(api.bpf_prog_get_info_by_fd(fd, info)).toBe(0)
    const again = api.bpf_prog_get_fd_by_id(info.id!)
    api.bpf_object__close(object)
    expect(info.nr_map_ids).toBe(1)
    expect(kernel.maps.size).toBe(maps + 1)
    const mapFd = api.bpf_map_get_fd_by_id(info.map_ids![0])
    expect(mapFd).toBeGreaterThanOrEqual(3)
    expect(kernel.close(mapFd)).toBe(0)
    expect(kernel.close(again)).toBe(0)
    expect(kernel.maps.size).toBe(maps)
    expect(api.bpf_map_get_fd_by_id(info.map_ids![0])).toBe(-2)
  })
})
