/**
 * libbpf's opaque structures as classes: hand them to functions, do not look inside. Their fields are what the
 * functions of this folder work on.
 */
import type { MapImage, ObjectImage, ProgramImage } from '../object/image.js'
import type { Kernel } from '../syscall/kernel.js'

/** A BPF object file, from open to close. */
export class bpf_object {
  /** @internal */ readonly maps: bpf_map[]
  /** @internal */ readonly programs: bpf_program[]
  /** @internal */ kernelVersion: number
  /** @internal */ loaded = false
  /** @internal */ closed = false
  /** @internal Set by load: the kernel that the descriptors belong to. */ kernel: Kernel | null = null
  /** @internal */ logBuf: Uint8Array | null = null
  /** @internal */ logLevel = 0

  /** @internal */
  constructor(
    readonly image: ObjectImage,
    readonly path: string,
  ) {
    this.kernelVersion = image.kernelVersion
    this.maps = image.maps.map((map, index) => new bpf_map(this, map, index))
    this.programs = image.programs.map((program, index) => new bpf_program(this, program, index))
  }
}

/** A program of an object. */
export class bpf_program {
  /** @internal */ fd = -1
  /** @internal */ type: number
  /** @internal */ expectedAttachType: number
  /** @internal */ autoload: boolean
  /** @internal */ autoattach = true
  /** @internal */ flags = 0
  /** @internal */ logLevel = 0
  /** @internal */ logBuf: Uint8Array | null = null
  /** @internal Replaced by relocation at load and by bpf_program__set_insns. */ insns: Uint8Array

  /** @internal */
  constructor(
    readonly object: bpf_object,
    readonly image: ProgramImage,
    readonly index: number,
  ) {
    this.type = image.definition?.programType ?? 0
    this.expectedAttachType = image.definition?.attachType ?? 0
    this.autoload = image.autoload
    this.insns = image.insns
  }
}

/** A map of an object. */
export class bpf_map {
  /** @internal */ fd = -1
  /** @internal */ type: number
  /** @internal */ keyBytes: number
  /** @internal */ valueBytes: number
  /** @internal */ maxEntries: number
  /** @internal */ flags: number
  /** @internal */ numaNode: number
  /** @internal */ mapExtra: bigint
  /** @internal */ ifindex = 0
  /** @internal */ autocreate = true
  /** @internal */ reused = false
  /** @internal */ autoattach = true
  /** @internal */ pinPath: string | null = null
  /** @internal Initial value of a map of global variables. */ content: Uint8Array | null

  /** @internal */
  constructor(
    readonly object: bpf_object,
    readonly image: MapImage,
    readonly index: number,
  ) {
    this.type = image.type
    this.keyBytes = image.keyBytes
    this.valueBytes = image.valueBytes
    this.maxEntries = image.maxEntries
    this.flags = image.flags
    this.numaNode = image.numaNode
    this.mapExtra = BigInt(image.mapExtra)
    if (image.content !== null) this.content = image.content.slice()
    else this.content = image.origin === 'bss' ? new Uint8Array(image.valueBytes) : null
  }
}

/** An attachment, until bpf_link__destroy. */
export class bpf_link {
  /** @internal */ disconnected = false

  /** @internal */
  constructor(
    readonly kernel: Kernel,
    /** @internal -1: none. */
    public fd: number,
    /** @internal The perf event that the link's program hangs on; -1: none. */
    public eventFd: number,
    readonly program: bpf_program | null,
  ) {}
}
