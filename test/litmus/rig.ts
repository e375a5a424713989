/** A machine of 8 CPUs on which programs run at the same time, with one array map that they share. */
import { BPF_MAP_TYPE_ARRAY, BPF_PROG_TYPE_RAW_TRACEPOINT, bpf_map_create, bpf_prog_load } from '#lib/index.js'
import { boot } from '#lib/machine/index.js'
import type { Machine } from '#lib/machine/machine.js'
import { kernelOf, useMachine } from '#lib/syscall/current.js'
import { MapFile } from '#lib/syscall/map_object.js'
import { ProgramFile } from '#lib/syscall/program_object.js'
import { MAP } from '#shared/layout.js'
import { insn } from '#test/jit/assembler.js'
import { check } from '#test/stress/run.js'

export const CPUS = 8
const CONTEXT_BYTES = 8
const MEMORY_BYTES = 256 * 1024 * 1024

/** Programs are raw tracepoints: their context is one u64, given at each run. */
export class LitmusRig {
  readonly machine: Machine
  readonly #mapFd: number
  /** Address of the map's one value. */
  readonly value: number
  readonly #contexts: number

  constructor(readonly valueBytes: number) {
    this.machine = boot({ cpus: CPUS, memoryBytes: MEMORY_BYTES })
    const before = useMachine(this.machine)
    this.#mapFd = bpf_map_create(BPF_MAP_TYPE_ARRAY, 'litmus', 4, valueBytes, 1)
    useMachine(before)
    const file = kernelOf(this.machine).files.get(this.#mapFd)
    check(file instanceof MapFile, `no map: ${this.#mapFd}`)
    const { u32 } = this.machine.views
    this.value = u32[(file.map.address + MAP.values) / 4]
    this.#contexts = this.machine.allocator.allocate(CPUS * CONTEXT_BYTES, CONTEXT_BYTES)
  }

  /** The value, as 32-bit words. */
  get words(): Uint32Array {
    return this.machine.views.u32.subarray(this.value / 4, (this.value + this.valueBytes) / 4)
  }

  /** Puts the value's address plus `offset` into register `dst`. */
  address(dst: number, offset = 0): Uint8Array {
    const pointer = insn('imm64.mapValue', { dst, imm: this.#mapFd })
    return offset === 0 ? pointer : new Uint8Array([...pointer, ...insn('add64.imm', { dst, imm: offset })])
  }

  /** Id of a loaded program. */
  load(insns: Uint8Array): number {
    const before = useMachine(this.machine)
    const log = new Uint8Array(1 << 16)
    const fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, 'litmus', 'GPL', insns, { log_buf: log })
    useMachine(before)
    const file = kernelOf(this.machine).files.get(fd)
    check(file instanceof ProgramFile, `not loaded: ${fd} ${Buffer.from(log).toString().slice(0, 400)}`)
    return file.program.id
  }

  /** Runs programs on different CPUs at the same time; their context is the number given. */
  async run(runs: readonly { cpu: number; program: number; context: number; repeat: number }[]): Promise<void> {
    const { u32 } = this.machine.views
    const outcomes = runs.map(({ cpu, program, context, repeat }) => {
      const address = this.#contexts + cpu * CONTEXT_BYTES
      u32[address / 4] = context
      u32[address / 4 + 1] = 0
      return this.machine.runAsync(cpu, { program, context: address, contextBytes: CONTEXT_BYTES, repeat })
    })
    for (const { error } of await Promise.all(outcomes)) check(error === 0, `a program ended with ${error}`)
  }

  async close(): Promise<void> {
    await this.machine.shutdown()
  }
}
