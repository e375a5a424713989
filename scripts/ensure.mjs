// Installs and builds what is missing or stale; instant when nothing is. Runs before start, test, bench and stress.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const sources = ['lib', 'cpu-workers', 'shared', 'test', 'bench', 'examples']

function run(command, args, what) {
  process.stderr.write(`smpbpf: ${what} ...\n`)
  // Standard output belongs to the command that follows: with --json nothing else may stand there.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (error) process.stderr.write(`smpbpf: cannot run ${command}: ${error.message}\n`)
  if (status !== 0) {
    process.stderr.write(`smpbpf: '${command} ${args.join(' ')}' failed; mend what it says above and try again\n`)
    process.exit(status ?? 1)
  }
}

/** Newest modification time of the TypeScript files below `folder`, and how many there are. */
function newest(folder) {
  let time = 0
  let count = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      const inner = newest(path)
      time = Math.max(time, inner.time)
      count += inner.count
    } else if (entry.name.endsWith('.ts')) {
      time = Math.max(time, statSync(path).mtimeMs)
      count++
    }
  }
  return { time, count }
}

const lockCopy = join(root, 'node_modules', '.smpbpf-lock.json')
const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
if (!existsSync(lockCopy) || readFileSync(lockCopy, 'utf8') !== lock) {
  run('npm', ['ci', '--no-audit', '--no-fund'], 'installing packages')
  writeFileSync(lockCopy, lock)
}

const stampPath = join(root, 'dist', '.built')
let newestTime = Math.max(statSync(join(root, 'tsconfig.json')).mtimeMs, statSync(join(root, 'package.json')).mtimeMs)
let count = 0
for (const folder of sources.map((name) => join(root, name)).filter(existsSync)) {
  const found = newest(folder)
  newestTime = Math.max(newestTime, found.time)
  count += found.count
}
const stamp = `${newestTime} ${count}\n`
if (!existsSync(stampPath) || readFileSync(stampPath, 'utf8') !== stamp) {
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b'], 'building')
  mkdirSync(join(root, 'dist'), { recursive: true })
  writeFileSync(stampPath, stamp)
}
