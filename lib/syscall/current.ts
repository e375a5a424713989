/** Which kernel the system calls of this process go to. */
import { defaultMachine } from '../machine/default.js'
import type { Machine } from '../machine/machine.js'
import { Kernel } from './kernel.js'

const kernels = new WeakMap<Machine, Kernel>()

/** The kernel of `machine`, made with its first system call. */
export function kernelOf(machine: Machine): Kernel {
  let kernel = kernels.get(machine)
  if (kernel === undefined) {
    const made = new Kernel(machine)
    machine.onShutdown(() => made.abandon())
    kernels.set(machine, made)
    kernel = made
  }
  return kernel
}

let used: Machine | null = null

/**
 * Makes the calls that name no object (bpf_map_create, perf_buffer__new, bpf_object__load, ...) go to `machine` from
 * here on; null: to the default machine, as at the start. Returns the machine until now. Objects, links and perf
 * buffers stay with the machine they were made on.
 */
export function useMachine(machine: Machine | null): Machine | null {
  const before = used
  used = machine
  return before
}

/** The kernel of the machine in use: the default machine, which the first call boots, unless another was chosen. */
export function currentKernel(): Kernel {
  return kernelOf(used ?? defaultMachine())
}
