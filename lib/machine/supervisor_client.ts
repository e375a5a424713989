import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import * as Comlink from 'comlink'
import type { MachineFacts, Snapshot, SupervisorApi, SupervisorData } from '../../shared/control/protocol.js'
import { HEADER, SupervisorState } from '../../shared/layout.js'
import { type Views, word } from '../../shared/views.js'

const SUPERVISOR_URL = new URL('../../cpu-workers/supervisor.js', import.meta.url)
/** The supervisor holds one list and some ports: this is plenty. */
const SUPERVISOR_HEAP_MB = 512
/** One step of a blocked wait: between two, the supervisor's heartbeat is looked at. */
const STEP_MS = 100
/** A supervisor whose event loop stands still for so long is as good as dead. */
const SILENCE_MAX_MS = 10_000

type Method = keyof SupervisorApi
type Arguments<M extends Method> = Parameters<SupervisorApi[M]>
type Result<M extends Method> = Awaited<ReturnType<SupervisorApi[M]>>

/** The supervisor is gone: pending and later control calls end with this. */
export class SupervisorGone extends Error {
  constructor() {
    super('the supervisor of this machine has ended')
    this.name = 'SupervisorGone'
  }
}

/** Comlink's messages, as far as a synchronous call needs them. */
interface WireValue {
  type: 'RAW' | 'HANDLER'
  name?: string
  value: unknown
}

export interface SupervisorOptions {
  facts: MachineFacts
  views: Views
  cpus: number
  cpuHeapMb: number
  history: Snapshot
}

/** The main thread's side of the supervisor: its thread, its control calls, whether it lives. */
export class SupervisorClient {
  readonly #worker: Worker
  readonly #remote: Comlink.Remote<SupervisorApi>
  readonly #views: Views
  readonly #asyncPort: MessagePort
  readonly #syncPort: MessagePort
  readonly #ended: Promise<never>
  /** Settles when the thread has exited. */
  readonly exited: Promise<void>
  #dead = false
  #nextId = 1
  #lastBeat = 0
  #lastBeatMs = performance.now()

  constructor(options: SupervisorOptions) {
    this.#views = options.views
    const asynchronous = new MessageChannel()
    const synchronous = new MessageChannel()
    const workerData: SupervisorData<MessagePort> = {
      ...options.facts,
      cpus: options.cpus,
      cpuHeapMb: options.cpuHeapMb,
      history: options.history,
      asyncPort: asynchronous.port2,
      syncPort: synchronous.port2,
    }
    Atomics.store(options.views.i32, word(HEADER.supervisorState), SupervisorState.starting)
    this.#worker = new Worker(SUPERVISOR_URL, {
      workerData,
      transferList: [asynchronous.port2, synchronous.port2],
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: SUPERVISOR_HEAP_MB },
    })
    this.#asyncPort = asynchronous.port1
    this.#syncPort = synchronous.port1
    this.#remote = Comlink.wrap<SupervisorApi>(this.#asyncPort as unknown as Comlink.Endpoint)
    this.exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
    this.#worker.on('error', () => {})
    this.#ended = this.exited.then(() => {
      this.#bury()
      throw new SupervisorGone()
    })
    this.#ended.catch(() => {})
    // Neither the thread nor its ports keep a process alive that has nothing else to do.
    this.#worker.unref()
    this.#asyncPort.unref()
  }

  /** A control call from the event loop. Rejects with SupervisorGone when the supervisor ends. */
  async call<M extends Method>(method: M, ...args: Arguments<M>): Promise<Result<M>> {
    if (this.#dead) throw new SupervisorGone()
    const remote = this.#remote as unknown as Record<Method, (...args: unknown[]) => Promise<Result<M>>>
    this.#asyncPort.ref()
    this.#pending++
    try {
      return await Promise.race([remote[method](...args), this.#ended])
    } finally {
      if (--this.#pending === 0) this.#asyncPort.unref()
    }
  }
  #pending = 0

  /** The same from a main thread that does not return to its event loop: blocks. Throws SupervisorGone. */
  callSync<M extends Method>(method: M, ...args: Arguments<M>): Result<M> {
    const { i32 } = this.#views
    const id = `sync-${this.#nextId++}`
    const argumentList = args.map((value): WireValue => ({ type: 'RAW', value }))
    this.#syncPort.postMessage({ id, type: 'APPLY', path: [method], argumentList })
    for (;;) {
      const seen = Atomics.load(i32, word(HEADER.supervisorReplies))
      const received = receiveMessageOnPort(this.#syncPort)
      if (received) {
        const reply = received.message as WireValue & { id: string }
        // The answer to an earlier call that gave up waiting is of no use.
        if (reply.id === id) return fromWire(reply) as Result<M>
        continue
      }
      if (!this.alive()) throw new SupervisorGone()
      Atomics.wait(i32, word(HEADER.supervisorReplies), seen, STEP_MS)
    }
  }

  /** Whether the supervisor's event loop still runs. Cheap: meant to be asked several times a second. */
  alive(): boolean {
    if (this.#dead) return false
    const { i32 } = this.#views
    const beat = Atomics.load(i32, word(HEADER.supervisorHeartbeat))
    const nowMs = performance.now()
    if (beat !== this.#lastBeat || nowMs - this.#lastLookMs > STEP_MS * 5) {
      this.#lastBeat = beat
      this.#lastBeatMs = nowMs
    }
    this.#lastLookMs = nowMs
    return nowMs - this.#lastBeatMs < SILENCE_MAX_MS
  }
  #lastLookMs = performance.now()

  #bury(): void {
    this.#dead = true
    this.#asyncPort.close()
    this.#syncPort.close()
    Atomics.store(this.#views.i32, word(HEADER.supervisorState), SupervisorState.down)
  }

  /** Ends the thread. */
  async terminate(): Promise<void> {
    this.#dead = true
    this.#worker.ref()
    await this.#worker.terminate()
  }
}

function fromWire(wire: WireValue): unknown {
  if (wire.type === 'RAW') return wire.value
  const thrown = wire.value as { isError: boolean; value: { message: string } }
  throw thrown.isError ? new Error(thrown.value.message) : thrown.value
}
