/** How much of its context a program reads or writes: a context that comes in must have that many bytes. */
import { decode } from '../../../shared/isa/decode.js'
import { buildCfg } from '../../jit/cfg.js'
import { BlockFacts, Known, RegisterFacts, step } from '../../jit/values.js'
import type { ProgramFacts } from '../program_object.js'

const known = new WeakMap<ProgramFacts, number>()

function measure(insns: Uint8Array): number {
  const code = decode(insns)
  let end = code.count
  // The main program ends where the first function that it may call begins.
  for (let i = 0; i < code.count; i++) {
    const callee = code.rows[i]?.kind === 'callLocal' || code.rows[i]?.name === 'imm64.function'
    const target = i + 1 + code.imm[i]
    if (callee && target > 0) end = Math.min(end, target)
  }
  const cfg = buildCfg(code, 0, end)
  const entry = new RegisterFacts()
  entry.set(1, Known.context, 0)
  const blocks = new BlockFacts(code, cfg, entry)
  const facts = new RegisterFacts()
  let used = 0
  for (let b = 0; b < cfg.blocks; b++) {
    blocks.load(b, facts)
    for (let i = cfg.first[b]; i < cfg.past[b]; i++) {
      const row = code.rows[i]
      const base = row?.kind === 'load' || row?.kind === 'loadSigned' ? code.src[i] : code.dst[i]
      const access = row !== undefined && /^(load|store)/.test(row.kind)
      if (access && facts.kind[base] === Known.context) {
        used = Math.max(used, facts.value[base] + code.off[i] + row.bytes)
      }
      step(facts, code, i)
    }
  }
  return used
}

/** Bytes of the context up to the last that the main program touches. */
export function contextUse(facts: ProgramFacts): number {
  let used = known.get(facts)
  if (used === undefined) {
    used = measure(facts.insns)
    known.set(facts, used)
  }
  return used
}
