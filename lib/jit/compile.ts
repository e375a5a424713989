/** From BPF instructions to a WebAssembly module. Programs must have passed the structural checks. */

import type { HelperTier } from '../../shared/helpers/table.js'
import { type Code, decode, targetOf } from '../../shared/isa/decode.js'
import { FRAMES_MAX } from '../../shared/layout.js'
import type { TrapMap } from '../../shared/messages.js'
import { E2BIG, EINVAL } from '../../shared/uapi/errno.js'
import { I64 } from '../../shared/wasm/dsl.js'
import type { FunctionBuilder } from '../../shared/wasm/function.js'
import { ModuleBuilder } from '../../shared/wasm/module.js'
import { argumentCounts } from './arguments.js'
import { emitBody } from './body.js'
import { defineCallByValue } from './callbacks.js'
import { emitCall, helperAt, importHelper } from './calls.js'
import { buildCfg, type Cfg } from './cfg.js'
import { defineChecks } from './checks.js'
import { emitEntry } from './entry.js'
import { JitError } from './error.js'
import { ARGUMENTS, CHECKED_PARAMS, DIRECT_PARAMS, FunctionEmitter, paramsOf, placeOfParams } from './function.js'
import type { Compiled, CompileInput } from './input.js'
import { ModuleContext } from './module_context.js'
import { emitSplit, longestBlock } from './split.js'
import { importTailCalls, TAIL_CALL } from './tail_call.js'
import { BlockFacts, Known, RegisterFacts, step } from './values.js'

export { JitError } from './error.js'
export type { Compiled, CompileInput, MapFacts, Mode } from './input.js'

/** V8 takes function bodies up to 7,654,321 bytes, declarations of locals included. */
const BODY_BYTES_MAX = 7_654_000

interface Subprogram {
  readonly start: number
  readonly cfg: Cfg
  readonly facts: BlockFacts
  /** Too large for one WebAssembly function. */
  readonly huge: boolean
}

/** The function that the instruction at `i` calls, or whose value it takes. */
function functionAt(code: Code, i: number): number | null {
  const row = code.rows[i]
  if (row?.kind === 'callLocal') return targetOf(code, i)
  return row?.name === 'imm64.function' ? i + 1 + code.imm[i] : null
}

/** Functions whose value is taken, rising. */
function pointedAt(code: Code): number[] {
  const targets = new Set<number>()
  for (let i = 0; i < code.count; i++) {
    if (code.rows[i]?.name === 'imm64.function') targets.add(functionAt(code, i) as number)
  }
  return [...targets].sort((a, b) => a - b)
}

/** First instructions of the program's functions, rising; 0 is the main program. */
function subprogramStarts(code: Code): number[] {
  const starts = new Set([0])
  for (let i = 0; i < code.count; i++) {
    const target = functionAt(code, i)
    if (target === null) continue
    if (target < 0 || target >= code.count) throw new JitError(i, -EINVAL, 'call to invalid destination')
    starts.add(target)
  }
  return [...starts].sort((a, b) => a - b)
}

function analyse(input: CompileInput, code: Code, starts: readonly number[]): Subprogram[] {
  return starts.map((start, n) => {
    const end = starts[n + 1] ?? code.count
    const blockMax = longestBlock(input, start, end)
    const cfg = buildCfg(code, start, end, blockMax ?? undefined)
    const entry = new RegisterFacts()
    if (start === 0) entry.set(1, Known.context, 0)
    return { start, cfg, facts: new BlockFacts(code, cfg, entry), huge: blockMax !== null }
  })
}

/** Frames are laid out one after the other: the deepest chain of calls must fit, so no function may call itself. */
function checkDepth(code: Code, subprograms: readonly Subprogram[]): void {
  const callees = new Map<number, Set<number>>()
  for (const { start, cfg } of subprograms) {
    const called = new Set<number>()
    for (let i = cfg.start; i < cfg.end; i++) {
      const target = functionAt(code, i)
      if (target !== null) called.add(target)
    }
    callees.set(start, called)
  }
  let level = new Set([0])
  for (let depth = 1; level.size > 0; depth++) {
    if (depth > FRAMES_MAX) throw new JitError(0, -EINVAL, `the call stack of ${depth} frames is too deep`)
    level = new Set([...level].flatMap((start) => [...(callees.get(start) as Set<number>)]))
  }
}

/** Shows keys of maps to callbacks. */
const FOR_EACH_MAP_ELEM = 164

function callsHelper(code: Code, id: number): boolean {
  for (let i = 0; i < code.count; i++) if (code.rows[i]?.kind === 'callHelper' && code.imm[i] === id) return true
  return false
}

/** Tiers whose imports depend on the map. */
const NEEDS_FACTS = new Set<HelperTier>(['map', 'jit'])

/** All imports must be known before the first function: finds each helper call and what is known of its map. */
function declareImports(module: ModuleContext, subprograms: readonly Subprogram[]): void {
  const { code } = module
  const facts = new RegisterFacts()
  for (const { cfg, facts: blockFacts } of subprograms) {
    for (let b = 0; b < cfg.blocks; b++) {
      let loaded = -1
      for (let i = cfg.first[b]; i < cfg.past[b]; i++) {
        const kind = code.rows[i]?.kind
        if (kind !== 'callHelper' && kind !== 'callRegister') continue
        if (kind === 'callRegister' || NEEDS_FACTS.has(helperAt(module, i, facts).tier)) {
          if (loaded < 0) blockFacts.load(b, facts)
          for (let k = Math.max(loaded, cfg.first[b]); k < i; k++) step(facts, code, k)
          loaded = i
        }
        importHelper(module, i, facts)
      }
    }
  }
}

function shapesOf(imports: readonly [string, string][]): string[] {
  const shapes = imports.filter(([from]) => from.startsWith('map:')).map(([from]) => from.slice('map:'.length))
  return [...new Set(shapes)]
}

function buildTrapMap(
  input: CompileInput,
  emitters: readonly FunctionEmitter[],
  offsets: Map<number, number>,
): TrapMap {
  const functions = emitters.map(({ f, positions }) => {
    const base = offsets.get(f.index) as number
    const count = positions.length / 2
    const result = { index: f.index, offsets: new Uint32Array(count), insns: new Uint32Array(count) }
    for (let n = 0; n < count; n++) {
      result.offsets[n] = base + positions[2 * n]
      result.insns[n] = positions[2 * n + 1]
    }
    return result
  })
  const names = new Map(input.subprograms ?? [])
  // A function that was split has several emitters.
  const starts = [...new Set(emitters.map((e) => e.start))]
  const subprograms = starts.map((start): [number, string] => [
    start,
    names.get(start) ?? (start === 0 ? input.name : `sub_${start}`),
  ])
  return {
    module: input.moduleName ?? '',
    functions,
    lines: (input.lines ?? []).map(([insn, text]) => [insn, text]),
    subprograms,
  }
}

/** Emits one function of the program as `f`; several WebAssembly functions when it is huge. */
function emitFunction(module: ModuleContext, subprogram: Subprogram, f: FunctionBuilder): FunctionEmitter[] {
  const { start, cfg, facts } = subprogram
  if (subprogram.huge) return emitSplit(module, f, cfg, facts)
  const e = new FunctionEmitter(module, f, start, placeOfParams(f))
  emitBody(e, cfg, facts)
  return [e]
}

/** Emits the entry with the main program inside its loop, or, when that is huge, a call of it. */
function emitMainProgram(module: ModuleContext, main: Subprogram): FunctionEmitter[] {
  if (!main.huge) return [emitEntry(module, (e) => emitBody(e, main.cfg, main.facts))]
  const driver = module.builder.function('main', module.checked ? CHECKED_PARAMS : DIRECT_PARAMS, [I64])
  const parts = emitFunction(module, main, driver)
  const entry = emitEntry(module, (e) => {
    emitCall(e, driver, 0)
    e.exit()
  })
  return [entry, ...parts]
}

/**
 * Compiles one program with its subprograms into one module. Throws a JitError for what cannot be compiled. Time is
 * linear in the number of instructions.
 */
export function compile(input: CompileInput): Compiled {
  const code = decode(input.insns)
  const starts = subprogramStarts(code)
  const subprograms = analyse(input, code, starts)
  checkDepth(code, subprograms)
  const module = new ModuleContext(input, code, new ModuleBuilder(input.moduleName))
  if (callsHelper(code, TAIL_CALL)) module.tailCalls = importTailCalls(module)
  declareImports(module, subprograms)
  const { builder, checked, areaGlobal, type } = module
  if (checked)
    module.checks = defineChecks({
      module: builder,
      areaGlobal,
      maps: module.allMaps,
      type,
      keysVisible: callsHelper(code, FOR_EACH_MAP_ELEM),
    })
  const [main, ...others] = subprograms
  const counts = argumentCounts(code, others)
  for (const { start } of others) {
    const params = paramsOf(checked, counts.get(start) ?? ARGUMENTS)
    module.functions.set(start, builder.function(`sub_${start}`, params, [I64]))
  }
  const pointers = pointedAt(code)
  if (pointers.length > 0) module.callByValue = defineCallByValue(module, pointers)
  const emitters = others.flatMap((subprogram) =>
    emitFunction(module, subprogram, module.functions.get(subprogram.start) as FunctionBuilder),
  )
  emitters.unshift(...emitMainProgram(module, main))
  for (const { f, start } of emitters) {
    if (f.length > BODY_BYTES_MAX) throw new JitError(start, -E2BIG, `function of ${f.length} bytes is too large`)
  }
  const imports = builder.imports
  const built = builder.build()
  return {
    bytes: built.bytes,
    imports,
    shapes: shapesOf(imports),
    trapMap: buildTrapMap(input, emitters, built.codeOffsets),
  }
}
