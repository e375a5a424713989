/** Runs one of the programs in child/ as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export interface ChildOutcome {
  code: number | null
  signal: NodeJS.Signals | null
  lines: string[]
}

export interface ChildOptions {
  /** The Node binary, default this one. */
  node?: string
  /** Called for each line of standard output. */
  onLine?: (line: string, child: ChildProcess) => void
  /** The child is killed after this time: a hang is a failure, not a hanging test. */
  timeoutMs?: number
}

const TIMEOUT_MS = 120_000

/** Runs test/machine/child/<file> and returns how it ended and what it printed. */
export function runNode(file: string, args: string[] = [], options: ChildOptions = {}): Promise<ChildOutcome> {
  const path = fileURLToPath(new URL(`./child/${file}`, import.meta.url))
  const child = spawn(options.node ?? process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    options.onLine?.(line, child)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? TIMEOUT_MS)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code, signal, lines })
    })
  })
}
