import type { MessagePort } from 'node:worker_threads'
import type { CpuTask } from '../shared/control/protocol.js'
import { obituary } from './obituary.js'

/** The Piscina task that is one CPU. It returns when the machine shuts down; any other end is the CPU's death. */
export async function runCpu(task: CpuTask<MessagePort>): Promise<void> {
  try {
    const { runMainLoop } = await import('./main_loop.js')
    await runMainLoop(task)
  } catch (error) {
    // What this thread held is in an unknown state, so the thread goes with its task.
    obituary(task.cpu, error)
    process.exit(1)
  }
}
