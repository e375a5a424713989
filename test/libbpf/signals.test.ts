import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it } from 'vitest'

const root = dirname(createRequire(import.meta.url).resolve('smpbpf/package.json'))
/** So that the child is inside the poll; a signal that comes before ends it at its beginning all the same. */
const SETTLE_MS = 100

it('perf_buffer__poll returns -EINTR after SIGINT, once its listener has run, each time', async () => {
  const child = spawn(process.execPath, [join(root, 'dist/test/libbpf/child/poll_sigint.js')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'polling') setTimeout(() => child.kill('SIGINT'), SETTLE_MS)
    else lines.push(line)
  }
  const code = child.exitCode ?? (await new Promise((resolve) => child.on('exit', resolve)))
  expect(lines).toEqual(['-4 4 1', '-4 4 2', '-4 4 3'])
  expect(code).toBe(0)
})
