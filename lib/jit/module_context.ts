import type { Code } from '../../shared/isa/decode.js'
import { PseudoSource } from '../../shared/isa/opcodes.js'
import { EBADF } from '../../shared/uapi/errno.js'
import { I32 } from '../../shared/wasm/dsl.js'
import type { FunctionBuilder } from '../../shared/wasm/function.js'
import type { ModuleBuilder } from '../../shared/wasm/module.js'
import type { Checks } from './checks.js'
import { JitError } from './error.js'
import type { CompileInput, MapFacts } from './input.js'
import { type ProgramTypeFacts, programTypeFacts } from './program_types.js'
import type { TailImports } from './tail_call.js'

/** What the functions of one compiled program share. */
export class ModuleContext {
  readonly type: ProgramTypeFacts
  readonly checked: boolean
  /** The global that holds the address of the CPU's area. */
  readonly areaGlobal: number
  /** WASM function of each subprogram, by first instruction. */
  readonly functions = new Map<number, FunctionBuilder>()
  /** Undefined when the program makes no tail calls. */
  tailCalls: TailImports | undefined
  /** Calls a function by its value in a register; undefined when no function's value is taken. */
  callByValue: FunctionBuilder | undefined
  /** Set once the imports are complete. */
  checks!: Checks

  constructor(
    readonly input: CompileInput,
    readonly code: Code,
    readonly builder: ModuleBuilder,
  ) {
    this.type = programTypeFacts(input.type)
    this.checked = input.mode !== 'direct'
    builder.importMemory()
    builder.importTable('env', 'table')
    this.areaGlobal = builder.importGlobal('env', 'cpu_area', I32)
  }

  /** The map that the ld_imm64 at `insn` names. */
  mapAt(insn: number): MapFacts {
    const { code, input } = this
    const byIndex = code.src[insn] === PseudoSource.mapIndex || code.src[insn] === PseudoSource.mapIndexValue
    const key = code.imm[insn]
    const map = byIndex ? input.mapsByIndex?.[key] : input.maps.get(key)
    if (!map) throw new JitError(insn, -EBADF, `no map ${byIndex ? 'index' : 'fd'} ${key}`)
    return map
  }

  /** Every map the program may refer to, each once. */
  get allMaps(): MapFacts[] {
    // The list by index may have holes: only those that instructions name need be there.
    const all = [...this.input.maps.values(), ...(this.input.mapsByIndex ?? []).filter((map) => map !== undefined)]
    return [...new Map(all.map((map) => [map.address, map])).values()]
  }
}
