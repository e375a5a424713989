/** The real kernel's answers, where this machine lets us ask: root, bpf(2) and python3. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const HELPER = fileURLToPath(new URL('./fixtures/kernel.py', import.meta.url))

export interface KernelProbe {
  available: boolean
  cpus: number
  why?: string
}

/** Sends the requests and returns the answers, one each; throws with the helper's own words when it fails. */
export function askKernel(requests: object[]): unknown[] {
  const input = requests.map((request) => `${JSON.stringify(request)}\n`).join('')
  const run = spawnSync('python3', [HELPER], { input, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (run.error) throw run.error
  const answers = run.stdout.split('\n').filter((line) => line !== '')
  if (answers.length !== requests.length) throw new Error(`the kernel helper failed: ${run.stderr.slice(-2000)}`)
  return answers.map((line) => JSON.parse(line))
}

/** Whether the kernel answers here; never throws. */
export function probeKernel(): KernelProbe {
  try {
    return askKernel([{ command: 'probe' }])[0] as KernelProbe
  } catch (error) {
    return { available: false, cpus: 0, why: String(error) }
  }
}
