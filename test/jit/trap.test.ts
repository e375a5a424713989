import { expect, it } from 'vitest'
import type { TrapMap } from '#shared/messages.js'
import { describeTrap, locateTrap, modulesOf } from '#shared/trap.js'

const trapMap: TrapMap = {
  module: '',
  functions: [
    { index: 3, offsets: Uint32Array.of(100, 110, 130), insns: Uint32Array.of(0, 1, 4) },
    { index: 4, offsets: Uint32Array.of(200, 220), insns: Uint32Array.of(6, 7) },
  ],
  lines: [[1, 'a.c:2: call();']],
  subprograms: [
    [0, 'main'],
    [6, 'leaf'],
  ],
}

const stack = (...frames: string[]) =>
  `RuntimeError: unreachable\n${frames.map((frame) => `    at ${frame}`).join('\n')}`

it('passes over frames of other modules', () => {
  const text = stack(
    'helper (wasm://wasm/aaaa:wasm-function[3]:0x70)',
    'leaf (wasm://wasm/bbbb:wasm-function[4]:0xdd)',
    'main (wasm://wasm/bbbb:wasm-function[3]:0x6f)',
    'run (wasm://wasm/bbbb:wasm-function[9]:0x200)',
    'fire (file:///cpu.js:1:1)',
    'outer (wasm://wasm/cccc:wasm-function[3]:0x70)',
  )
  expect(locateTrap(text, trapMap)).toEqual({ insn: 7, function: 4 })
})

it('passes over the JavaScript of a helper', () => {
  const text = stack('helper (file:///helpers.js:1:1)', 'main (wasm://wasm/bbbb:wasm-function[3]:0x85)')
  expect(locateTrap(text, trapMap)).toEqual({ insn: 4, function: 3 })
})

it('says what it can without a place', () => {
  const error = new Error('something else')
  expect(describeTrap(error, 'p', trapMap, null)).toBe('prog p: something else')
})

it("uses the engine's words when no check foresaw the trap", () => {
  const error = new WebAssembly.RuntimeError('memory access out of bounds')
  error.stack = stack('main (wasm://wasm/bbbb:wasm-function[3]:0x6e)')
  expect(describeTrap(error, 'p', trapMap, { address: 0n, bytes: 0, kind: 0 })).toBe(
    'prog p insn 1 (a.c:2: call();): access outside the memory',
  )
})

it('finds the program by its module’s name when several are on the stack', () => {
  const frames = [
    'RuntimeError: unreachable',
    '    at prog8.main (wasm://wasm/prog8-0a1b2c3d:wasm-function[3]:0x6e)',
    '    at prog7.run (wasm://wasm/prog7-00000000:wasm-function[4]:0xc8)',
    '    at run (file:///cpu.js:1:1)',
  ].join('\n')
  expect(modulesOf(frames)).toEqual(['prog8', 'prog7'])
  expect(locateTrap(frames, { ...trapMap, module: 'prog8' })).toEqual({ insn: 1, function: 3 })
  expect(locateTrap(frames, { ...trapMap, module: 'prog7' })).toEqual({ insn: 6, function: 4 })
  expect(locateTrap(frames, { ...trapMap, module: 'prog9' })).toEqual({ insn: -1, function: -1 })
})
