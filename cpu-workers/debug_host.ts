/** What an interpreted program reaches on its CPU: the machine's memory, checked; the maps' operations; the helpers. */
import type { Linker } from '../shared/control/linker.js'
import { type HelperRow, helperById, isWide } from '../shared/helpers/table.js'
import type { Callbacks, InterpreterHost } from '../shared/isa/interpreter.js'
import { CPU, DEBUG, FRAME_BYTES, FRAMES_MAX, MAP, MAP_BYTES, MapOp } from '../shared/layout.js'
import type { DebugMessage } from '../shared/messages.js'
import { E2BIG, EINVAL } from '../shared/uapi/errno.js'
import { word } from '../shared/views.js'
import type { Cpu } from './context.js'

const WORD = 2n ** 32n
const MASK32 = WORD - 1n
const LOOPS_MAX = 8n * 1024n * 1024n
const ARGUMENT_BYTES = 8

interface Place {
  /** Lowest frame of the run, and its context. */
  readonly frame: number
  readonly context: number
  readonly contextBytes: number
}

type Operation = (...args: number[]) => number

export class DebugHost implements InterpreterHost {
  readonly #cpu: Cpu
  readonly #linker: Linker
  readonly #message: DebugMessage
  readonly #place: Place
  readonly #i64: BigInt64Array
  /** Calls under way in the program. */
  depth: () => number = () => 0

  constructor(cpu: Cpu, linker: Linker, message: DebugMessage, place: Place) {
    this.#cpu = cpu
    this.#linker = linker
    this.#message = message
    this.#place = place
    this.#i64 = new BigInt64Array(cpu.views.memory.buffer)
  }

  /** Where the program may read and write: [start, end). */
  *#regions(): Generator<readonly [number, number]> {
    const { frame, context, contextBytes } = this.#place
    const { u32 } = this.#cpu.views
    const { packet, maps, session } = this.#message
    yield [frame, frame + FRAMES_MAX * FRAME_BYTES]
    yield [context, context + contextBytes]
    if (packet !== null && context !== 0) {
      const end = u32[word(context + packet.dataEnd)]
      yield [u32[word(context + packet.data)], end]
      const meta = u32[word(context + packet.dataMeta)]
      if (meta !== 0) yield [meta, end]
    }
    for (const { address } of maps) yield [address + MAP_BYTES, u32[word(address + MAP.end)]]
    yield [session + DEBUG.keys, session + DEBUG.keys + FRAMES_MAX * FRAME_BYTES]
  }

  /** The address as a number, if [address, address + bytes) is the program's; throws what the program did wrong. */
  #check(address: bigint, bytes: number, what: string): number {
    const at = Number(address)
    for (const [start, end] of this.#regions()) if (at >= start && at + bytes <= end) return at
    throw new Error(`invalid ${what} of ${bytes} byte${bytes === 1 ? '' : 's'} at 0x${address.toString(16)}`)
  }

  read(address: bigint, bytes: number): bigint {
    const at = this.#check(address, bytes, 'read')
    const { data } = this.#cpu.views
    if (bytes === 8) return data.getBigUint64(at, true)
    return BigInt(bytes === 4 ? data.getUint32(at, true) : bytes === 2 ? data.getUint16(at, true) : data.getUint8(at))
  }

  write(address: bigint, bytes: number, value: bigint): void {
    const at = this.#check(address, bytes, 'write')
    const { data } = this.#cpu.views
    if (bytes === 8) data.setBigUint64(at, value, true)
    else if (bytes === 4) data.setUint32(at, Number(value), true)
    else if (bytes === 2) data.setUint16(at, Number(value), true)
    else data.setUint8(at, Number(value))
  }

  update(address: bigint, bytes: number, change: (old: bigint) => bigint): bigint {
    const at = this.#check(address, bytes, 'write')
    if (at % bytes !== 0) throw new Error(`misaligned atomic access of ${bytes} bytes at 0x${address.toString(16)}`)
    const { i32 } = this.#cpu.views
    for (;;) {
      if (bytes === 8) {
        const old = Atomics.load(this.#i64, at / 8)
        const wide = BigInt.asUintN(64, old)
        if (Atomics.compareExchange(this.#i64, at / 8, old, BigInt.asIntN(64, change(wide))) === old) return wide
      } else {
        const old = Atomics.load(i32, word(at))
        const wide = BigInt(old >>> 0)
        if (Atomics.compareExchange(i32, word(at), old, Number(BigInt.asIntN(32, change(wide)))) === old) return wide
      }
    }
  }

  constant(insn: number, source: number, _low: number, high: number): bigint {
    const map = this.#message.maps.find((entry) => entry.insn === insn)
    if (!map) throw new Error(`the value of an ld_imm64 with source ${source} is not known`)
    return BigInt(source === 1 || source === 5 ? map.address : map.values + high)
  }

  packet(offset: number, bytes: number): bigint | null {
    const { packet } = this.#message
    const { u32, u8 } = this.#cpu.views
    if (packet === null) return null
    const start = u32[word(this.#place.context + packet.data)]
    if (offset + bytes > u32[word(this.#place.context + packet.dataEnd)] - start) return null
    let value = 0n
    for (let n = 0; n < bytes; n++) value = (value << 8n) | BigInt(u8[start + offset + n])
    return value
  }

  helper(id: number, args: readonly bigint[], callbacks: Callbacks): bigint {
    const helper = helperById(id)
    if (!helper) throw new Error(`helper #${id} is not available`)
    this.#checkArguments(helper, args)
    switch (helper.tier) {
      case 'map':
        return this.#mapHelper(helper, args)
      case 'wasm':
        return this.#runtimeHelper(helper, args)
      case 'js':
        return this.#scriptHelper(helper, args)
      default:
        return this.#callbackHelper(helper, args, callbacks)
    }
  }

  #mapAt(value: bigint): number {
    const found = this.#message.maps.find(({ address }) => BigInt(address) === value)
    if (!found) throw new Error(`0x${value.toString(16)} is not a map of this program`)
    return found.address
  }

  /** Pointers must lead to the program's memory, maps and contexts be its own: as compiled code checks them. */
  #checkArguments(helper: HelperRow, args: readonly bigint[]): void {
    const { u32 } = this.#cpu.views
    let map = 0
    for (const [n, kind] of helper.args.entries()) {
      const bytes = () => Number(args[n + 1] & MASK32)
      if (kind === 'map') map = this.#mapAt(args[n])
      else if (kind === 'key') this.#check(args[n], u32[word(map + MAP.keyBytes)], 'read')
      else if (kind === 'value') this.#check(args[n], u32[word(map + MAP.valueBytes)], 'read')
      else if (kind === 'ctx' && args[n] !== BigInt(this.#place.context)) throw new Error('that is not the context')
      else if (kind === 'in' || kind === 'format' || (kind === 'inOrNull' && args[n] !== 0n)) {
        if (bytes() > 0) this.#check(args[n], bytes(), 'read')
      } else if (kind === 'out' && bytes() > 0) this.#check(args[n], bytes(), 'write')
    }
  }

  #operation(map: number, name: keyof typeof MapOp): Operation {
    const slot = this.#cpu.views.u32[word(map + MAP.operations)] + MapOp[name]
    return this.#linker.table.get(slot) as Operation
  }

  #result(helper: HelperRow, value: number | bigint): bigint {
    if (helper.ret === 'i32') return BigInt.asUintN(64, BigInt(Number(value) | 0))
    return helper.ret === 'pointer' ? BigInt(Number(value) >>> 0) : BigInt.asUintN(64, BigInt(value))
  }

  #mapHelper(helper: HelperRow, args: readonly bigint[]): bigint {
    const name = helper.name.split('_')[2] as keyof typeof MapOp
    const flags = args[3]
    if (name === 'update' && flags >> 32n !== 0n) return BigInt.asUintN(64, BigInt(-EINVAL))
    const operation = this.#operation(Number(args[0]), name)
    return this.#result(helper, operation(...args.slice(0, helper.args.length).map((arg) => Number(arg & MASK32) | 0)))
  }

  #runtimeHelper(helper: HelperRow, args: readonly bigint[]): bigint {
    const { packetOutput } = this.#message
    const name = helper.packetName && packetOutput ? `${helper.packetName}_${packetOutput}` : helper.name
    const call = this.#linker.runtime[name] as (...args: (number | bigint)[]) => number | bigint
    const passed = helper.args.map((kind, n) =>
      isWide(kind) ? BigInt.asIntN(64, args[n]) : Number(args[n] & MASK32) | 0,
    )
    return this.#result(helper, call(...passed))
  }

  #scriptHelper(helper: HelperRow, args: readonly bigint[]): bigint {
    const { data } = this.#cpu.views
    const { area } = this.#cpu
    const call = this.#linker.helper(helper.name)
    if (!call) throw new Error(`helper ${helper.name} is not available`)
    const passed: number[] = []
    for (const [n, kind] of helper.args.entries()) {
      if (isWide(kind)) data.setBigUint64(area + CPU.helperArguments + n * ARGUMENT_BYTES, args[n], true)
      else passed.push(Number(args[n] & MASK32) | 0)
    }
    const value = call(...passed)
    return helper.ret === 'u64' ? data.getBigUint64(area + CPU.helperResult, true) : this.#result(helper, value)
  }

  /** Helpers that call the program back. What they call runs as one step. */
  #callbackHelper(helper: HelperRow, args: readonly bigint[], callbacks: Callbacks): bigint {
    if (helper.name === 'bpf_loop') return this.#loop(args, callbacks)
    if (helper.name === 'bpf_for_each_map_elem') return this.#forEach(args, callbacks)
    throw new Error(`helper ${helper.name} is not available to the debugger`)
  }

  #loop([times, callback, context, flags]: readonly bigint[], callbacks: Callbacks): bigint {
    const rounds = times & MASK32
    if (flags !== 0n) return BigInt(-EINVAL)
    if (rounds > LOOPS_MAX) return BigInt(-E2BIG)
    for (let n = 0n; n < rounds; n++) if (callbacks.callFunction(callback, [n, context]) !== 0n) return n + 1n
    return rounds
  }

  #forEach([map, callback, context, flags]: readonly bigint[], callbacks: Callbacks): bigint {
    if (flags !== 0n) return BigInt(-EINVAL)
    const address = Number(map)
    const key = this.#message.session + DEBUG.keys + this.depth() * FRAME_BYTES
    const nextKey = this.#operation(address, 'nextKey')
    const lookup = this.#operation(address, 'lookup')
    const most = this.#cpu.views.u32[word(address + MAP.maxEntries)]
    let seen = 0
    for (let from = 0; seen < most && nextKey(address, from, key) === 0; from = key) {
      const value = lookup(address, key)
      if (value === 0) continue
      seen++
      if (callbacks.callFunction(callback, [map, BigInt(key), BigInt(value), context]) !== 0n) break
    }
    return BigInt(seen)
  }
}
