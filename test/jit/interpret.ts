/** The interpreter over a JitMachine's memory: the same stack, context and maps at the same addresses. */
import { type Callbacks, Interpreter, type InterpreterHost } from '#shared/isa/interpreter.js'
import { CPU, FRAME_BYTES } from '#shared/layout.js'
import type { JitMachine } from '#test/jit/harness.js'

export type HelperFunction = (args: readonly bigint[], callbacks: Callbacks) => bigint

export interface InterpretOptions {
  /** Helpers by number. */
  readonly helpers?: Readonly<Record<number, HelperFunction>>
  readonly constant?: InterpreterHost['constant']
  /** Address in r1; default: the machine's heap. */
  readonly context?: number
  /** Where the program may read and write: [start, end) each. Default: everywhere. */
  readonly regions?: readonly (readonly [number, number])[]
  /** Instructions after which the program counts as endless. */
  readonly limit?: number
}

/** Runs `insns` to its end; null when it does not end within the limit. Throws when an instruction is none. */
export function interpret(machine: JitMachine, insns: Uint8Array, options: InterpretOptions = {}): Interpreter | null {
  const { view } = machine
  const place = (address: bigint, bytes: number): number => {
    const at = Number(address)
    const inside = options.regions?.some(([start, end]) => at >= start && at + bytes <= end) ?? true
    if (!inside) throw new Error(`access of ${bytes} bytes at 0x${address.toString(16)}`)
    return at
  }
  const host: InterpreterHost = {
    read(address, bytes) {
      const at = place(address, bytes)
      if (bytes === 8) return view.getBigUint64(at, true)
      return BigInt(bytes === 4 ? view.getUint32(at, true) : bytes === 2 ? view.getUint16(at, true) : view.getUint8(at))
    },
    write(address, bytes, value) {
      const at = place(address, bytes)
      if (bytes === 8) view.setBigUint64(at, value, true)
      else if (bytes === 4) view.setUint32(at, Number(value), true)
      else if (bytes === 2) view.setUint16(at, Number(value), true)
      else view.setUint8(at, Number(value))
    },
    helper(id, args, callbacks) {
      const helper = options.helpers?.[id]
      if (!helper) throw new Error(`no helper #${id}`)
      return helper(args, callbacks)
    },
    constant: options.constant ?? (() => 0n),
    packet: () => null,
  }
  const stackTop = BigInt(machine.area + CPU.stack + FRAME_BYTES)
  const context = BigInt(options.context ?? machine.heap)
  const interpreter = new Interpreter(insns, host, context, stackTop, BigInt(FRAME_BYTES))
  return interpreter.run(options.limit ?? 1_000_000) === 'exit' ? interpreter : null
}
