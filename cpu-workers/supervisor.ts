/** The supervisor's thread: it says so when it cannot even load, for the main thread may wait for it blocked. */
import { workerData } from 'node:worker_threads'
import type { MachineFacts } from '../shared/control/protocol.js'
import { HEADER, SupervisorState } from '../shared/layout.js'
import { word } from '../shared/views.js'
import { supervisorObituary } from './obituary.js'

try {
  await import('./supervise.js')
} catch (error) {
  supervisorObituary(error)
  const i32 = new Int32Array((workerData as MachineFacts).memory.buffer)
  Atomics.store(i32, word(HEADER.supervisorState), SupervisorState.down)
  Atomics.notify(i32, word(HEADER.cpusOnline))
  process.exit(1)
}
