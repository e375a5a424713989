/** Which kernel the system calls of this process go to. */
import { defaultMachine, type Machine } from '../machine/index.js'
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

/** The kernel of the default machine, which the first call boots. */
export function currentKernel(): Kernel {
  return kernelOf(defaultMachine())
}
