/** A machine's memory without threads, for tests and benchmarks of maps and rings. */
import { cpuArea, HEADER, regions, WRITER_MAIN } from '#shared/layout.js'
import { buildOperations, initialiseMap, type MapAttributes, type MapExports, mapBytes } from '#shared/maps/registry.js'
import { alignUp } from '#shared/struct.js'

export interface TestMachine {
  readonly memory: WebAssembly.Memory
  readonly u8: Uint8Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly cpus: number
  /** Bump allocation: nothing is ever freed. */
  allocate(bytes: number, align?: number): number
}

export function viewsOf(memory: WebAssembly.Memory) {
  const { buffer } = memory
  return { memory, u8: new Uint8Array(buffer), i32: new Int32Array(buffer), u32: new Uint32Array(buffer) }
}

export function testMachine(cpus: number, memoryBytes = 256 * 1024 * 1024): TestMachine {
  const pages = memoryBytes / 65536
  const memory = new WebAssembly.Memory({ shared: true, initial: pages, maximum: pages })
  const views = viewsOf(memory)
  const region = regions(memoryBytes, cpus)
  views.u32[HEADER.cpusPossible / 4] = cpus
  let next = region.heap
  const allocate = (bytes: number, align = 64): number => {
    const address = alignUp(next, align)
    next = address + bytes
    if (next > region.heapEnd) throw new Error('the test machine is out of memory')
    return address
  }
  return { ...views, cpus, allocate }
}

/** What a module is given to run as CPU `cpu`, or as the main thread when `cpu` is WRITER_MAIN. */
export function importsFor(
  memory: WebAssembly.Memory,
  cpus: number,
  cpu: number,
  faultPoint: (id: number) => void = () => {},
): WebAssembly.Imports {
  return {
    env: {
      memory,
      cpu,
      cpu_area: cpuArea(cpu === WRITER_MAIN ? cpus : cpu),
      fault_point: faultPoint,
      now: () => Number(process.hrtime.bigint()),
    },
  }
}

export function instantiate<T>(bytes: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports): T {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as T
}

/** A map and its operations as seen by each CPU (index) and the main thread (last). */
export interface TestMap {
  readonly attr: MapAttributes
  readonly address: number
  readonly on: readonly MapExports[]
}

export function makeMap(machine: TestMachine, attr: MapAttributes, faultPoint?: (id: number) => void): TestMap {
  const address = machine.allocate(mapBytes(attr, machine.cpus))
  initialiseMap(machine, address, attr, machine.cpus)
  const module = new WebAssembly.Module(buildOperations(attr, { faultPoints: faultPoint !== undefined }))
  const on: MapExports[] = []
  for (let cpu = 0; cpu <= machine.cpus; cpu++) {
    const imports = importsFor(machine.memory, machine.cpus, cpu === machine.cpus ? WRITER_MAIN : cpu, faultPoint)
    on.push(new WebAssembly.Instance(module, imports).exports as unknown as MapExports)
  }
  return { attr, address, on }
}
