/**
 * The supervisor: a worker whose event loop always runs. It hosts the CPUs, restarts dead ones while the main thread
 * may be blocked, keeps what a restarted CPU has to be told, and answers control calls.
 */
import { BroadcastChannel, type MessagePort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Endpoint } from 'comlink'
import * as Comlink from 'comlink'
import { ringCpu } from '../shared/control/events.js'
import { Inbox } from '../shared/control/inbox.js'
import { PublicationLog } from '../shared/control/log.js'
import { type Envelope, type SupervisorApi, type SupervisorData, streamName } from '../shared/control/protocol.js'
import { taskState } from '../shared/kernel/task.js'
import { CPU, cpuArea, HEADER, SupervisorState, TASK, TaskState } from '../shared/layout.js'
import { viewsOf, word } from '../shared/views.js'
import { makeLockRecovery } from './locks.js'
import { CpuPool } from './pool.js'

const HEARTBEAT_MS = 50
/** How long a CPU may take to leave what it runs before its thread is ended. */
const SHUTDOWN_PATIENCE_MS = 200

const data = workerData as SupervisorData<MessagePort>
const views = viewsOf(data.memory)
const { i32, u32 } = views
const log = new PublicationLog()
log.restore(data.history)
const stream = new Inbox<Envelope>(new BroadcastChannel(streamName(data.name)), receiveMessageOnPort)

/** Brings the log up to date: with what has arrived, and without the commands to start tasks that have started. */
function drain(): void {
  stream.drain((envelope) => log.append(envelope))
  log.dropCommands(
    ({ task, pid }) => taskState(views, task) !== TaskState.claimed || u32[word(task + TASK.pid)] !== pid,
  )
}

const pool = new CpuPool({
  facts: { memory: data.memory, name: data.name, runtime: data.runtime, faultPoints: data.faultPoints },
  views,
  cpus: data.cpus,
  cpuHeapMb: data.cpuHeapMb,
  drain,
  log,
  recoverLocks: makeLockRecovery(views),
})

const heartbeat = setInterval(() => {
  Atomics.add(i32, word(HEADER.supervisorHeartbeat), 1)
  drain()
}, HEARTBEAT_MS)

async function shutdown(): Promise<void> {
  Atomics.store(i32, word(HEADER.shuttingDown), 1)
  for (let cpu = 0; cpu < data.cpus; cpu++) ringCpu(i32, cpu)
  await pool.close(SHUTDOWN_PATIENCE_MS)
  clearInterval(heartbeat)
  stream.close()
  Atomics.store(i32, word(HEADER.supervisorState), SupervisorState.down)
}

const api: SupervisorApi = {
  ping: (value) => value,
  cpus: () =>
    Array.from({ length: data.cpus }, (_, cpu) => {
      const at = (field: number) => Atomics.load(u32, word(cpuArea(cpu) + field))
      return { cpu, thread: at(CPU.thread), incarnation: at(CPU.incarnation), state: at(CPU.state) }
    }),
  kill: (cpu) => pool.kill(cpu),
  logLength: () => {
    drain()
    return log.length
  },
  shutdown,
}

/** The synchronous caller sleeps on a word, not on its event loop: each answer rings it. */
function ringing(port: MessagePort): Endpoint {
  const endpoint = port as unknown as Endpoint
  return {
    addEventListener: endpoint.addEventListener.bind(endpoint),
    removeEventListener: endpoint.removeEventListener.bind(endpoint),
    start: () => port.start(),
    postMessage: (message, transfer) => {
      endpoint.postMessage(message, transfer)
      Atomics.add(i32, word(HEADER.supervisorReplies), 1)
      Atomics.notify(i32, word(HEADER.supervisorReplies))
    },
  }
}

Comlink.expose(api, data.asyncPort as unknown as Endpoint)
Comlink.expose(api, ringing(data.syncPort))
Atomics.store(i32, word(HEADER.supervisorState), SupervisorState.ready)
