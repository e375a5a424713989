import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { afterAll, describe, expect, it } from 'vitest'
import * as api from '#lib/index.js'
import { foldedParameters } from '#lib/libbpf/arity.js'
import { shutdown } from '#lib/machine/index.js'
import { captureMessages, loaded, program } from './support.js'

const CALLS = Number(process.env.CALLS ?? 20_000)
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))

afterAll(shutdown)

type Callable = (...args: unknown[]) => unknown

/** Classes, what blocks, what takes the test's own objects away, and what calls back. */
const excluded = /^(bpf_(object|program|map|link)|perf_buffer|btf|libbpf_set_print|bpf_object__close|.*_async)$/
const functions = Object.entries(api).filter(
  ([name, value]) => typeof value === 'function' && /^(bpf|btf|libbpf|perf)_/.test(name) && !excluded.test(name),
) as [string, Callable][]

function random(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state >>> 8) / 2 ** 24
  }
}

describe('wrong arguments', () => {
  it(`of the kinds a C program could pass are answered, never thrown (SEED=${seed})`, () => {
    const messages = captureMessages()
    const next = random(seed)
    const object = loaded('maps')
    const unloaded = api.bpf_object__open(program('kprobe_write'))!
    const fds = [1, 2, 4].map((type) => api.bpf_map_create(type, 'map', 4, type === 4 ? 4 : 8, 2))
    const pb = api.perf_buffer__new(fds[2], 1, () => {})!
    const numbers = [-1, 0, 1, 2, 3, 8, 64, 4096, 0x7fffffff, 2 ** 32 - 1, ...fds]
    const buffers = [new Uint8Array(0), new Uint8Array(4), new Uint8Array(8), new Uint8Array(100)]
    const strings = ['', 'x', 'kprobe/a', '/nonexistent']
    const objects: unknown[] = [object, unloaded, pb, null, null].flatMap((value): unknown[] =>
      value instanceof api.bpf_object
        ? [value, api.bpf_object__next_map(value, null), api.bpf_object__next_program(value, null)]
        : [value],
    )
    const pools = [numbers, buffers, strings, objects]
    const pick = (): unknown => {
      const pool = pools[Math.floor(next() * pools.length)]
      return pool[Math.floor(next() * pool.length)]
    }
    for (let call = 0; call < CALLS; call++) {
      const [name, fn] = functions[Math.floor(next() * functions.length)]
      // Nobody sends events, so a poll may not wait.
      const args = name === 'perf_buffer__poll' ? [pick(), 0] : Array.from({ length: 6 }, pick)
      try {
        fn(...args)
      } catch (error) {
        throw new Error(`call ${call}, ${name}(${args.map(String).join(', ')}) threw ${(error as Error).stack}`)
      }
    }
    messages.restore()
    expect(functions.length).toBeGreaterThan(150)
  })
})

describe('the names', () => {
  const reference = '../shared/reference/libbpf.json'
  const root = createRequire(import.meta.url)
    .resolve('smpbpf/package.json')
    .replace(/package\.json$/, '')
  interface Reference {
    symbols: { name: string; group: string; params: string[] }[]
  }
  let symbols: Reference['symbols'] = []
  try {
    symbols = (JSON.parse(readFileSync(root + reference, 'utf8')) as Reference).symbols
  } catch {
    // Only some checkouts stand beside the reference data.
  }

  it.skipIf(symbols.length === 0)(
    'of objects, programs, maps, links and perf buffers are libbpf’s, all of them',
    () => {
      const groups = new Set(['object', 'program', 'map', 'link', 'perf_buffer', 'strings', 'program_attach'])
      const missing = symbols.filter(({ name, group }) => groups.has(group) && !(name in api)).map(({ name }) => name)
      const later = ['func_info', 'line_info', 'exclusive_program'].map((part) => new RegExp(part))
      expect(missing.filter((name) => !later.some((part) => part.test(name)))).toEqual([])
    },
  )

  it.skipIf(symbols.length === 0)('take C’s parameters, less those that are folded', () => {
    const optional = /^(opts|lost_cb|ctx|buf_size)$/
    const wrong: string[] = []
    for (const { name, params } of symbols) {
      const fn = (api as unknown as Record<string, Callable | undefined>)[name]
      // Functions of what comes later take anything.
      if (!fn || fn.name !== name) continue
      const names = params.filter((param) => param !== 'void').map((param) => /(\w+)\)?$/.exec(param)?.[1] ?? param)
      const kept = names.filter((param) => !foldedParameters[name]?.includes(param))
      const required = kept.filter((param) => !optional.test(param)).length
      if (fn.length > kept.length || fn.length < required) wrong.push(`${name}: ${fn.length} of ${kept.join(', ')}`)
    }
    expect(wrong).toEqual([])
  })
})
