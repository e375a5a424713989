import { BroadcastChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads'

/**
 * One end of a broadcast channel, read when its owner likes. Node hands messages to the event loop as soon as that
 * runs; a blocked thread finds them in the channel itself. Both ways together keep the order. Never keeps a thread
 * alive.
 */
export class Inbox<T> {
  readonly #channel: BroadcastChannel
  #arrived: T[] = []

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = (event) => {
      this.#arrived.push((event as unknown as MessageEvent<T>).data)
    }
    this.#channel.unref()
  }

  /** Hands out all that has come, in order. */
  drain(take: (message: T) => void): void {
    while (this.#arrived.length > 0) {
      const arrived = this.#arrived
      this.#arrived = []
      for (const message of arrived) take(message)
    }
    for (;;) {
      const received = receiveMessageOnPort(this.#channel as unknown as MessagePort)
      if (!received) return
      take(received.message as T)
    }
  }

  post(message: T): void {
    this.#channel.postMessage(message)
  }

  close(): void {
    this.#channel.close()
  }
}
