import { buildRuntime } from '../../shared/runtime/module.js'

/**
 * Compiled modules that all machines of the process share, by what they were built from: a machine booted later finds
 * them ready.
 */
const compiled = new Map<string, WebAssembly.Module>()

/** The module known as `key`, built and compiled at its first use. */
export function compileOnce(key: string, build: () => Uint8Array<ArrayBuffer>): WebAssembly.Module {
  let module = compiled.get(key)
  if (!module) {
    module = new WebAssembly.Module(build())
    compiled.set(key, module)
  }
  return module
}

export function runtimeModule(faultPoints: boolean): WebAssembly.Module {
  return compileOnce(`runtime:${faultPoints}`, () => buildRuntime({ faultPoints }))
}
