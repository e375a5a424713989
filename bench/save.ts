import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Outcome, Row } from './row.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** HEAD's id, with a + when the tree differs from it; null outside a repository. */
function commit(): string | null {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  const head = git('rev-parse', '--short=12', 'HEAD')
  if (head.status !== 0) return null
  const changed = git('status', '--porcelain', '--untracked-files=no').stdout.trim() !== ''
  return head.stdout.trim() + (changed ? '+' : '')
}

export function machineFacts(): Record<string, string | number> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
    /** Load of the last minute: much above the bench's own 2 means that others disturbed it. */
    load: Number(loadavg()[0].toFixed(2)),
  }
}

/** Writes bench/results/SUITE-DATE.json and answers its path from the repository's root. */
export function save(suite: string, measured: readonly { row: Row; outcome: Outcome }[]): string {
  const date = new Date().toISOString().slice(0, 10)
  const folder = join(root, 'bench', 'results')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${suite}-${date}.json`)
  const rows = measured.map(({ row, outcome }) => ({
    ...row,
    spread: { ours: outcome.ours, kernel: outcome.kernel, native: outcome.native },
    notes: outcome.notes,
  }))
  writeFileSync(file, `${JSON.stringify({ suite, date, commit: commit(), machine: machineFacts(), rows }, null, 2)}\n`)
  return relative(root, file)
}
