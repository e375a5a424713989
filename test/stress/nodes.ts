import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Major versions that the machine is promised to run on. */
export const NODE_VERSIONS = [20, 22, 24]

/**
 * Calls `use` with Node binaries of the promised versions: those that SMPBPF_NODES lists (paths separated by colons),
 * or else npm's `node` packages, installed for the time of the call.
 */
export async function withNodes<T>(use: (binaries: string[]) => Promise<T>): Promise<T> {
  const given = process.env.SMPBPF_NODES
  if (given) return use(given.split(':'))
  const folder = mkdtempSync(join(tmpdir(), 'smpbpf-nodes-'))
  try {
    return await use(NODE_VERSIONS.map((version) => install(join(folder, String(version)), version)))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function install(folder: string, version: number): string {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"private":true}')
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', `node@${version}`], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return join(folder, 'node_modules', 'node', 'bin', 'node')
}
