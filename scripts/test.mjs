// Runs the tests under an outer watchdog: no timeout of the test runner can interrupt a thread in Atomics.wait.
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const LIMIT_MS = Number(process.env.SMPBPF_TEST_LIMIT_MS ?? 10 * 60_000)
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  detached: true,
})

const watchdog = setTimeout(() => {
  process.stderr.write(`smpbpf: tests still running after ${LIMIT_MS / 1000} s: ending them (a thread may hang)\n`)
  process.kill(-child.pid, 'SIGKILL')
  process.exitCode = 1
}, LIMIT_MS)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    process.kill(-child.pid, 'SIGKILL')
    process.exit(1)
  })
}

child.on('exit', (code) => {
  clearTimeout(watchdog)
  process.exitCode ||= code ?? 1
})
