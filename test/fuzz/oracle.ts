/** The real kernel's answers, through a process that may lie beside the repository. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const script = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'oracle', 'oracle.py')

export interface OracleRequest {
  readonly insns: string
  readonly type: string
  readonly log_level?: number
  readonly maps?: readonly object[]
  readonly runs?: readonly object[]
}

export interface OracleAnswer {
  readonly verdict: string
  readonly errno?: number
  /** The verifier's last line before its statistics. */
  readonly reason?: string
  readonly log?: string
  readonly runs?: readonly { retval?: number; errno?: number }[]
  /** Per map of the request, by position: the values under the keys asked for. */
  readonly maps?: Readonly<Record<string, Readonly<Record<string, string | null>>>>
}

/** Whether a kernel can be asked here. */
export function oracleAvailable(): boolean {
  return existsSync(script) && spawnSync('python3', [script, '--probe']).status === 0
}

export class Oracle {
  readonly #process: ChildProcess
  readonly #waiting: ((answer: OracleAnswer) => void)[] = []

  constructor() {
    this.#process = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: this.#process.stdout! })
    lines.on('line', (line) => this.#waiting.shift()?.(JSON.parse(line) as OracleAnswer))
  }

  ask(request: OracleRequest): Promise<OracleAnswer> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#process.stdin!.write(`${JSON.stringify(request)}\n`)
    })
  }

  close(): void {
    this.#process.stdin!.end()
  }
}
