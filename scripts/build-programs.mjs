// Compiles the BPF programs (*.bpf.c) of test/programs, bench/programs and examples to objects beside them; prints what it built.
//
// node scripts/build-programs.mjs [FILTER]: only sources whose path contains FILTER.
// CLANG names the compiler (default clang-14, else clang). A source's first comment may hold directives:
//   flags: -mcpu=v2                   flags for this source, after the default ones
//   builds other.bpf.o: -DLEGACY      one more object of the same source, with further flags
// Objects carry BTF but no DWARF, and no path outside the repository, so that they come out alike everywhere.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

process.chdir(join(import.meta.dirname, '..'))

const FOLDERS = ['test/programs', 'bench/programs', 'examples']
const DEFAULT_FLAGS = [
  '-O2',
  '-g',
  '-target',
  'bpf',
  '-mcpu=v3',
  '-Wall',
  '-Wno-unused-variable',
  '-fdebug-compilation-dir=.',
]
const COMPILERS = ['clang-13', 'clang-14', 'clang-16', 'clang-19']
/** Compiled by every compiler, to test that objects of all of them read alike. */
const COMPILERS_SOURCE = 'test/programs/compilers.bpf.c'

const exists = (command) => spawnSync(command, ['--version']).status === 0
const clang = process.env.CLANG ?? ['clang-14', 'clang'].find(exists)
if (clang === undefined || !exists(clang)) {
  console.error(`build-programs: no compiler (${clang ?? 'clang-14, clang'}); set CLANG`)
  process.exit(1)
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (error || status !== 0) {
    console.error(`${command} ${args.join(' ')}\n${error ?? stderr}`)
    process.exit(1)
  }
  if (stderr) console.error(stderr)
}

function build(compiler, source, object, flags) {
  mkdirSync(dirname(object), { recursive: true })
  run(compiler, [...DEFAULT_FLAGS, ...flags, '-c', source, '-o', object])
  const strip = compiler.replace(/clang(?=[^/]*$)/, 'llvm-strip')
  run(exists(strip) ? strip : 'llvm-strip', ['-g', object])
  console.log(`${object}  ${statSync(object).size} bytes  ${compiler} ${flags.join(' ')}`.trimEnd())
}

const words = (text) => text.trim().split(/\s+/).filter(Boolean)

/** The directives in a source's first comment. */
function directives(source) {
  const comment = readFileSync(source, 'utf8').match(/\/\*([\s\S]*?)\*\//)?.[1] ?? ''
  const flags = words(comment.match(/^[ *]*flags: (.*)$/m)?.[1] ?? '')
  const variants = [...comment.matchAll(/^[ *]*builds (\S+): (.*)$/gm)].map(([, name, text]) => ({
    name,
    flags: words(text),
  }))
  return { flags, variants }
}

const filter = process.argv[2] ?? ''
const sources = FOLDERS.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.bpf.c'))
    .map((name) => join(folder, name)),
)
for (const source of sources.filter((path) => path.includes(filter))) {
  const { flags, variants } = directives(source)
  if (source === COMPILERS_SOURCE) {
    for (const compiler of COMPILERS.filter(exists)) {
      build(compiler, source, join(dirname(source), 'compilers', `${compiler}.bpf.o`), flags)
    }
    continue
  }
  build(clang, source, source.replace(/\.c$/, '.o'), flags)
  for (const variant of variants)
    build(clang, source, join(dirname(source), basename(variant.name)), [...flags, ...variant.flags])
}
