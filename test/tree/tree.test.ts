/** The tree's own rules: what stands at the top, which way imports point, how long a file is, where offsets live. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as shared from '#shared/layout.js'

const root = resolve(import.meta.dirname ?? '.', '../..')
const FOLDERS = ['lib', 'cpu-workers', 'shared', 'test', 'bench', 'examples']
const LINES_MAX = 500

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
}

const all = FOLDERS.flatMap(sources)
const text = (path: string): string => readFileSync(join(root, path), 'utf8')

/** The top-level folder that an import from `file` leads to, or the package's name. */
function target(file: string, specifier: string): string {
  if (specifier.startsWith('.')) return relative(root, resolve(root, dirname(file), specifier)).split('/')[0]
  if (specifier.startsWith('#'))
    return { '#cpu': 'cpu-workers' }[specifier.split('/')[0]] ?? specifier.split('/')[0].slice(1)
  return specifier
}

function imports(file: string): string[] {
  const found = text(file).matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm)
  return [...found].map((match) => match[1] ?? match[2] ?? match[3])
}

/** `path:line` of each line of `files` that matches. */
function matches(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    text(file)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : [])),
  )
}

describe('the tree', () => {
  it('has nothing at the top but the six folders, docs, scripts, configuration and the readers’ files', () => {
    const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).split('\n').filter(Boolean)
    const top = new Set(tracked.map((path) => path.split('/')[0]))
    const allowed = new Set([
      ...FOLDERS,
      ...['docs', 'scripts', '.ci', '.gitignore', '.npmrc', 'package.json', 'package-lock.json', 'tsconfig.json'],
      ...['biome.json', 'vitest.config.ts', 'README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE'],
    ])
    expect([...top].filter((name) => !allowed.has(name))).toEqual([])
  })

  it('points imports one way: shared knows neither side, lib and cpu-workers not each other', () => {
    const forbidden: Record<string, string[]> = {
      shared: ['lib', 'cpu-workers', 'test', 'bench', 'examples'],
      lib: ['cpu-workers', 'test', 'bench', 'examples'],
      'cpu-workers': ['lib', 'test', 'bench', 'examples'],
    }
    const wrong = Object.entries(forbidden).flatMap(([folder, others]) =>
      sources(folder).flatMap((file) =>
        imports(file)
          .filter((specifier) => others.includes(target(file, specifier)))
          .map((specifier) => `${file} imports ${specifier}`),
      ),
    )
    expect(wrong).toEqual([])
  })

  it('keeps the pure parts pure: elf, btf, object, verifier, jit and shared do no I/O and start no threads', () => {
    const pure = ['lib/elf', 'lib/btf', 'lib/verifier', 'lib/jit', 'shared'].filter((path) =>
      existsSync(join(root, path)),
    )
    const wrong = pure.flatMap((folder) =>
      sources(folder).flatMap((file) =>
        imports(file)
          .filter((specifier) => specifier.startsWith('node:') || ['piscina', 'comlink'].includes(specifier))
          .map((specifier) => `${file} imports ${specifier}`),
      ),
    )
    expect(wrong).toEqual([])
  })

  it(`keeps files under ${LINES_MAX} lines`, () => {
    expect(all.filter((file) => text(file).split('\n').length > LINES_MAX)).toEqual([])
  })

  it('has no unfinished marks in the product', () => {
    const product = ['lib', 'cpu-workers', 'shared'].flatMap(sources)
    expect(matches(product, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([])
  })
})

describe('offsets in shared memory', () => {
  const layouts = Object.entries(shared as unknown as Record<string, Record<string, number>>).filter(
    ([, value]) => typeof value === 'object' && '$bytes' in value,
  )

  it('are declared with layout() in shared/layout.ts, its part for maps, or shared/kernel only', () => {
    const declarers = ['lib', 'cpu-workers', 'shared']
      .flatMap(sources)
      .filter((file) => /\blayout\(/.test(text(file)) && !file.startsWith('shared/kernel/'))
    expect(declarers).toEqual(['shared/layout.ts', 'shared/layout_maps.ts'])
  })

  it('ascend without overlap in every structure', () => {
    expect(layouts.length).toBeGreaterThan(8)
    for (const [name, offsets] of layouts) {
      const fields = Object.entries(offsets).filter(([field]) => !field.startsWith('$'))
      for (let i = 1; i < fields.length; i++) {
        expect(fields[i][1], `${name}.${fields[i][0]}`).toBeGreaterThan(fields[i - 1][1])
      }
    }
  })

  it('never appear as numbers where memory is accessed', () => {
    const users = [
      'lib/machine',
      'lib/syscall',
      'lib/libbpf',
      'cpu-workers',
      'shared/maps',
      'shared/rings',
      'shared/sync',
    ]
    const files = users.filter((folder) => existsSync(join(root, folder))).flatMap(sources)
    // views.u32[(address + 12) >> 2] and i32.load(address, 12): an offset that layout.ts should name.
    expect(matches(files, /\+ \d+\) ?>>>? ?[23]\b/)).toEqual([])
    expect(matches(files, /\bi(32|64)\.(atomic)?([lL]oad|[sS]tore)\w*\([^()]*, [1-9]\d*\)/)).toEqual([])
  })

  it('give every region of the machine room of its own', () => {
    for (const cpus of [1, 2, 64]) {
      const r = shared.regions(shared.MEMORY_MIN_BYTES, cpus)
      const order = [shared.HEADER.magic, shared.cpuArea(0), shared.cpuArea(cpus), r.tasks, r.trace, r.heap, r.user]
      expect([...order].sort((a, b) => a - b)).toEqual(order)
      expect(r.heapEnd).toBe(r.user)
      expect(r.userEnd).toBe(shared.MEMORY_MIN_BYTES)
    }
  })
})
