import type { Cpu, LoadedProgram } from './context.js'

/** Says which program trapped, where and why. */
export function describeFailure(_cpu: Cpu, program: LoadedProgram, error: WebAssembly.RuntimeError): string {
  return `program ${program.name} (${program.id}) stopped: ${error.message}`
}
