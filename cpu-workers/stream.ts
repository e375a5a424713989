import { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { Inbox } from '../shared/control/inbox.js'
import { type CpuRequest, type Envelope, type Snapshot, streamName } from '../shared/control/protocol.js'

/**
 * One CPU's end of the stream of envelopes. It subscribes first and then asks the supervisor for what came before, so
 * that nothing is missed; what comes by both ways is told apart by its sequence number.
 */
export class Stream {
  readonly #inbox: Inbox<Envelope>
  readonly #cpu: number
  #last = 0

  constructor(machine: string, cpu: number) {
    this.#inbox = new Inbox(new BroadcastChannel(streamName(machine)), receiveMessageOnPort)
    this.#cpu = cpu
  }

  /** Sequence number up to which everything has been handed out. */
  get last(): number {
    return this.#last
  }

  /** Hands out what was published before this CPU started. */
  async catchUp(port: MessagePort, apply: (message: Envelope['message']) => void): Promise<void> {
    const snapshot = await new Promise<Snapshot>((resolve) => {
      port.once('message', resolve)
      const request: CpuRequest = { kind: 'subscribed' }
      port.postMessage(request)
    })
    for (const envelope of snapshot.envelopes) apply(envelope.message)
    this.#last = snapshot.upTo
  }

  /** Hands out what has arrived since, in order, once each. */
  drain(apply: (message: Envelope['message']) => void): void {
    this.#inbox.drain((envelope) => {
      if (envelope.sequence <= this.#last) return
      if (envelope.cpu === undefined || envelope.cpu === this.#cpu) apply(envelope.message)
      this.#last = envelope.sequence
    })
  }

  close(): void {
    this.#inbox.close()
  }
}
