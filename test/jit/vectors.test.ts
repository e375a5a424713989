import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BPF_PROG_TYPE_XDP } from '#shared/uapi/bpf.js'
import { JitMachine } from '#test/jit/harness.js'
import { vectors } from '#test/jit/vectors.js'

describe('instruction vectors', () => {
  it('give what Linux gave', () => {
    const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'vectors.json'), 'utf8')) as Record<
      string,
      number
    >
    const all = vectors()
    expect(all.map(([name]) => name).sort()).toEqual(Object.keys(recorded).sort())
    const machine = new JitMachine()
    const wrong: string[] = []
    for (const [name, insns] of all) {
      for (const mode of ['checked', 'direct'] as const) {
        const { retval, trap } = machine.run({ insns, mode, type: BPF_PROG_TYPE_XDP })
        const low = Number(retval & 0xffffffffn)
        if (trap !== null || low !== recorded[name]) wrong.push(`${name} (${mode}): ${trap ?? low}`)
      }
    }
    expect(wrong).toEqual([])
  })
})
