/** A map inside the kernel, and the open files that lead to it. */
import { MAP } from '../../shared/layout.js'
import type { MapExports } from '../../shared/maps/operations.js'
import { mapBytes, mapTypeOf } from '../../shared/maps/registry.js'
import type { MapAttributes, MapType } from '../../shared/maps/types.js'
import { BPF_MAP_TYPE_PERF_EVENT_ARRAY, BPF_MAP_TYPE_PROG_ARRAY } from '../../shared/uapi/bpf.js'
import { BPF_F_PRESERVE_ELEMS, BPF_F_RDONLY, BPF_F_WRONLY } from '../../shared/uapi/bpf_flags.js'
import { OpenFile } from './files.js'
import type { Kernel } from './kernel.js'

const VALUE_ALIGN = 8

const roundUp8 = (bytes: number): number => Math.ceil(bytes / VALUE_ALIGN) * VALUE_ALIGN

/** Bytes of a value as user space passes it: for per-CPU maps one rounded-up value per possible CPU. */
function userValueBytes(attr: MapAttributes, cpus: number): number {
  return mapTypeOf(attr.type)!.perCpu ? roundUp8(attr.valueBytes) * cpus : attr.valueBytes
}

/** Bytes of a map's memory: header, storage, and the main thread's buffers for a key, a next key and a user value. */
export function mapMemoryBytes(attr: MapAttributes, cpus: number): number {
  return roundUp8(mapBytes(attr, cpus)) + 2 * roundUp8(attr.keyBytes) + roundUp8(userValueBytes(attr, cpus))
}

export class MapObject {
  readonly id: number
  readonly type: MapType
  /** References from files, programs and other maps; and those of them that user space holds. */
  #references = 0
  #userReferences = 0
  frozen = false
  /** prog_array: the type of the programs in it, set by the first one that is put in or uses it. */
  programType: number | null = null
  /** Addresses of the main thread's buffers. */
  readonly keyBuffer: number
  readonly nextKeyBuffer: number
  readonly valueBuffer: number
  readonly userValueBytes: number
  /** By index: the files in the elements of maps that hold files, and the map file each was put in through. */
  readonly elements = new Map<number, { file: OpenFile; owner: OpenFile }>()

  constructor(
    readonly kernel: Kernel,
    readonly attr: MapAttributes,
    readonly name: string,
    readonly shape: string,
    readonly operations: MapExports,
    readonly address: number,
    readonly sizeBytes: number,
  ) {
    const cpus = kernel.machine.cpusPossible
    this.type = mapTypeOf(attr.type)!
    this.userValueBytes = userValueBytes(attr, cpus)
    this.keyBuffer = address + roundUp8(mapBytes(attr, cpus))
    this.nextKeyBuffer = this.keyBuffer + roundUp8(attr.keyBytes)
    this.valueBuffer = this.nextKeyBuffer + roundUp8(attr.keyBytes)
    this.id = kernel.maps.allocate(this)
    kernel.machine.views.u32[(address + MAP.id) >>> 2] = this.id
  }

  get references(): number {
    return this.#references
  }

  get userReferences(): number {
    return this.#userReferences
  }

  get(): this {
    this.#references++
    return this
  }

  getUser(): this {
    this.#userReferences++
    return this.get()
  }

  put(): void {
    if (--this.#references > 0) return
    for (const { file } of this.elements.values()) file.put()
    this.elements.clear()
    this.kernel.maps.free(this.id)
    // Programs held references of their own, which went after their grace period: nobody can be here any more.
    this.kernel.machine.allocator.free(this.address)
  }

  /** Whether programs of `type` fit in, or may tail call through, this prog_array; the first one decides. */
  fitsProgram(type: number): boolean {
    this.programType ??= type
    return this.programType === type
  }

  putUser(): void {
    // Programs in the array may hold the array itself: without descriptors nobody could take them out.
    if (--this.#userReferences === 0 && this.type.type === BPF_MAP_TYPE_PROG_ARRAY) {
      for (const index of [...this.elements.keys()]) removeElement(this, index)
    }
    this.put()
  }
}

/** An open file of a map: what a descriptor from BPF_MAP_CREATE or BPF_MAP_GET_FD_BY_ID refers to. */
export class MapFile extends OpenFile {
  readonly kind = 'map'

  /** Takes over a user reference of the caller's. */
  constructor(
    readonly map: MapObject,
    readonly flags: number,
  ) {
    super()
  }

  get readable(): boolean {
    return (this.flags & BPF_F_WRONLY) === 0
  }

  /** False, too, once the map is frozen. */
  get writable(): boolean {
    return (this.flags & BPF_F_RDONLY) === 0 && !this.map.frozen
  }

  protected released(): void {
    releaseElements(this.map, this)
    this.map.putUser()
  }
}

/** Without BPF_F_PRESERVE_ELEMS, the perf events put into a map through a file leave the map with that file. */
function releaseElements(map: MapObject, owner: MapFile): void {
  if (map.attr.flags & BPF_F_PRESERVE_ELEMS || map.attr.type !== BPF_MAP_TYPE_PERF_EVENT_ARRAY) return
  for (const [index, element] of map.elements) {
    if (element.owner === owner) removeElement(map, index)
  }
}

/** Takes the file out of element `index`; its reference goes after a grace period. False when there was none. */
export function removeElement(map: MapObject, index: number): boolean {
  const element = map.elements.get(index)
  if (element === undefined) return false
  map.elements.delete(index)
  map.kernel.machine.views.u32[map.keyBuffer >>> 2] = index
  map.operations.delete(map.address, map.keyBuffer)
  map.kernel.retire(() => element.file.put())
  return true
}
