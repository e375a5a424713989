/** bpf_object__load: creates the maps, fills those of global variables, links, compiles and publishes the programs. */
import { MAP } from '../../shared/layout.js'
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY } from '../../shared/uapi/bpf.js'
import { EINVAL, ENOSPC, EOPNOTSUPP } from '../../shared/uapi/errno.js'
import { isFailure } from '../elf/failure.js'
import { type LinkedProgram, linkProgram } from '../object/link.js'
import { currentKernel } from '../syscall/current.js'
import type { Kernel } from '../syscall/kernel.js'
import { createMap } from '../syscall/map_create.js'
import { freezeMap, updateElement } from '../syscall/map_elements.js'
import type { MapFile } from '../syscall/map_object.js'
import { loadProgram, type ProgLoadAttr } from '../syscall/prog_load.js'
import { errstr, intResult } from './errno.js'
import { warn } from './print.js'
import { type bpf_map, bpf_object, type bpf_program } from './structs.js'

const INSN_BYTES = 8
const LOG_BYTES = 1 << 16
const FIRST_KEY = new Uint8Array(4)
const KERNEL_NAME_MAX = 15

function createOne(kernel: Kernel, map: bpf_map): number {
  const { image } = map
  if (map.type === BPF_MAP_TYPE_PERF_EVENT_ARRAY && map.maxEntries === 0) map.maxEntries = kernel.machine.cpusPossible
  const fd = createMap(kernel, {
    map_type: map.type,
    key_size: map.keyBytes,
    value_size: map.valueBytes,
    max_entries: map.maxEntries,
    map_flags: map.flags,
    numa_node: map.numaNode,
    map_extra: map.mapExtra,
    map_ifindex: map.ifindex,
    map_name: image.kernelName.slice(0, KERNEL_NAME_MAX),
  })
  if (fd < 0) warn(`map '${image.name}': failed to create: ${errstr(fd)}`)
  return fd
}

/** Uploads the initial value of global variables; afterwards writable ones are seen live through initial_value. */
function populate(kernel: Kernel, map: bpf_map): number {
  if (map.content === null) return 0
  const error = updateElement(kernel, map.fd, FIRST_KEY, map.content, 0)
  if (error < 0) {
    warn(`map '${map.image.name}': failed to set initial contents: ${errstr(error)}`)
    return error
  }
  if (map.image.origin === 'rodata') {
    const frozen = freezeMap(kernel, map.fd)
    if (frozen < 0) warn(`map '${map.image.name}': failed to freeze as read-only: ${errstr(frozen)}`)
    return frozen
  }
  const file = kernel.files.get(map.fd) as MapFile
  const { views } = kernel.machine
  const values = views.u32[(file.map.address + MAP.values) >>> 2]
  map.content = views.u8.subarray(values, values + map.valueBytes)
  return 0
}

function createMaps(kernel: Kernel, object: bpf_object): number {
  for (const map of object.maps) {
    if (!map.autocreate || map.reused) continue
    if (map.image.inner !== null || map.image.slots.length > 0) {
      warn(`map '${map.image.name}': maps in maps and program arrays are not supported yet`)
      return -EOPNOTSUPP
    }
    const fd = createOne(kernel, map)
    if (fd < 0) return fd
    map.fd = fd
    const error = populate(kernel, map)
    if (error < 0) return error
  }
  return 0
}

/** The instructions as BPF_PROG_LOAD takes them: map indexes of the linked program become descriptors. */
function patchMaps(program: bpf_program, linked: LinkedProgram): number {
  const view = new DataView(linked.insns.buffer, linked.insns.byteOffset, linked.insns.byteLength)
  for (const reference of linked.mapRefs) {
    const map = program.object.maps[reference.map]
    if (map.fd < 0) {
      warn(`prog '${program.image.name}': map '${map.image.name}' is not created`)
      return -EINVAL
    }
    view.setInt32(reference.insn * INSN_BYTES + 4, map.fd, true)
  }
  return 0
}

function attributes(program: bpf_program, linked: LinkedProgram): ProgLoadAttr {
  const { object } = program
  return {
    prog_type: program.type,
    insns: program.insns,
    license: object.image.license,
    prog_name: program.image.name.slice(0, KERNEL_NAME_MAX).replace(/[^A-Za-z0-9_.]/g, '_'),
    prog_flags: program.flags,
    expected_attach_type: program.expectedAttachType,
    lines: linked.lines,
    subprograms: linked.subprograms,
    log_level: program.logLevel || object.logLevel,
    log_buf: program.logBuf ?? object.logBuf,
  }
}

function textOf(log: Uint8Array): string {
  const end = log.indexOf(0)
  return new TextDecoder().decode(log.subarray(0, end < 0 ? log.length : end))
}

/** BPF_PROG_LOAD; after a failure without a log, once more with one, to say why. */
function submit(kernel: Kernel, program: bpf_program, attr: ProgLoadAttr): number {
  const ownBuffer = !attr.log_buf
  if (ownBuffer && attr.log_level) attr.log_buf = new Uint8Array(LOG_BYTES)
  let fd = loadProgram(kernel, attr)
  if (fd < 0 && fd !== -ENOSPC && !attr.log_level) {
    attr.log_level = 1
    attr.log_buf ??= new Uint8Array(LOG_BYTES)
    fd = loadProgram(kernel, attr)
  }
  const { name } = program.image
  if (fd < 0) warn(`prog '${name}': BPF program load failed: ${errstr(fd)}`)
  const log = ownBuffer && attr.log_buf ? textOf(attr.log_buf) : ''
  if (log !== '') warn(`prog '${name}': -- BEGIN PROG LOAD LOG --\n${log}-- END PROG LOAD LOG --`)
  return fd
}

function loadOne(kernel: Kernel, program: bpf_program): number {
  const { image, object } = program
  if (program.type === 0) {
    warn(`prog '${image.name}': missing BPF prog type, check ELF section name '${image.section}'`)
    return -EINVAL
  }
  const changed = program.insns !== image.insns
  const linked = linkProgram(object.image, image)
  if (isFailure(linked)) {
    warn(linked.message)
    return linked.errno
  }
  if (!changed) {
    const error = patchMaps(program, linked)
    if (error < 0) return error
    program.insns = linked.insns
  }
  const fd = submit(kernel, program, attributes(program, linked))
  if (fd < 0) warn(`prog '${image.name}': failed to load: ${errstr(fd)}`)
  return fd
}

function loadPrograms(kernel: Kernel, object: bpf_object): number {
  for (const program of object.programs) {
    if (!program.autoload) continue
    const fd = loadOne(kernel, program)
    if (fd < 0) return fd
    program.fd = fd
  }
  return 0
}

/** Closes every descriptor of the object. */
export function unloadObject(object: bpf_object): void {
  const { kernel } = object
  if (kernel === null) return
  for (const program of object.programs) {
    if (program.fd >= 0) kernel.close(program.fd)
    program.fd = -1
  }
  for (const map of object.maps) {
    if (map.fd >= 0) kernel.close(map.fd)
    map.fd = -1
  }
}

/**
 * Loads an open object into the current machine: 0, or a negative errno after which the object can only be closed.
 * -EINVAL for null or a second load, -EOPNOTSUPP for what needs later parts (CO-RE, externs).
 */
export function bpf_object__load(obj: bpf_object | null): number {
  if (!(obj instanceof bpf_object)) return intResult(-EINVAL)
  if (obj.loaded) {
    warn(`object '${obj.image.name}': load can't be attempted twice`)
    return intResult(-EINVAL)
  }
  obj.loaded = true
  let error = 0
  for (const what of obj.image.unsupported) {
    warn(`object '${obj.image.name}': ${what} not supported yet`)
    error = -EOPNOTSUPP
  }
  const kernel = currentKernel()
  obj.kernel = kernel
  error ||= createMaps(kernel, obj)
  error ||= loadPrograms(kernel, obj)
  if (error < 0) {
    unloadObject(obj)
    warn(`failed to load object '${obj.path}'`)
  }
  return intResult(error)
}
