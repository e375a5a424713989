import { BroadcastChannel } from 'node:worker_threads'
import { ringCpu } from '../../shared/control/events.js'
import { PublicationLog } from '../../shared/control/log.js'
import { type Envelope, type Snapshot, streamName } from '../../shared/control/protocol.js'
import { HEADER } from '../../shared/layout.js'
import type { CpuCommand, Publication } from '../../shared/messages.js'
import { type Views, word } from '../../shared/views.js'

/**
 * The main thread's end of the stream of envelopes: every CPU gets each of them, in order and once. Publishing never
 * waits: the message is in every CPU's queue before the generation counter moves, and CPUs look at that at each hook.
 */
export class Publisher {
  readonly #views: Views
  readonly #cpus: number
  readonly #channel: BroadcastChannel
  /** Until the supervisor is there to keep it. */
  #history: PublicationLog | null = new PublicationLog()
  #sequence = 0

  constructor(views: Views, machine: string, cpus: number) {
    this.#views = views
    this.#cpus = cpus
    this.#channel = new BroadcastChannel(streamName(machine))
    this.#channel.unref()
  }

  publish(message: Publication): void {
    this.#send({ sequence: ++this.#sequence, message })
    for (let cpu = 0; cpu < this.#cpus; cpu++) ringCpu(this.#views.i32, cpu)
  }

  /** A command for one CPU, obeyed once: by the present incarnation, or by the next if this one dies before. */
  command(cpu: number, message: CpuCommand): void {
    this.#send({ sequence: ++this.#sequence, cpu, message })
    ringCpu(this.#views.i32, cpu)
  }

  #send(envelope: Envelope): void {
    if (this.#history) this.#history.append(envelope)
    else this.#channel.postMessage(envelope)
    Atomics.store(this.#views.i32, word(HEADER.generation), envelope.sequence)
  }

  /** Hands over what was published so far: from now on it is the supervisor's to keep. */
  takeHistory(): Snapshot {
    const snapshot = this.#history!.snapshot()
    this.#history = null
    return snapshot
  }

  close(): void {
    this.#channel.close()
  }
}
