import { CPU, FAULT, FaultKind } from '../shared/layout.js'
import { describeTrap, type Fault } from '../shared/trap.js'
import { word } from '../shared/views.js'
import type { Cpu, LoadedProgram } from './context.js'

/** Forgets the last fault, so that a trap after this is known to be described by its own record or by none. */
export function clearFault(cpu: Cpu): void {
  cpu.views.u32[word(cpu.area + CPU.fault + FAULT.kind)] = FaultKind.none
}

/** Names program, instruction, source line and access of a trap. */
export function describeFailure(cpu: Cpu, program: LoadedProgram, error: WebAssembly.RuntimeError): string {
  const { u32, data } = cpu.views
  const record = cpu.area + CPU.fault
  const fault: Fault = {
    address: data.getBigUint64(record + FAULT.address, true),
    bytes: u32[word(record + FAULT.bytes)],
    kind: u32[word(record + FAULT.kind)],
  }
  return describeTrap(error, program.name, program.trapMap, fault)
}
