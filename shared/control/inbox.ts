/** What an Inbox needs of Node's BroadcastChannel. */
export interface Channel {
  onmessage: ((event: never) => void) | null
  postMessage(message: unknown): void
  unref(): void
  close(): void
}

/** Node's receiveMessageOnPort: the next message of a channel, for a thread that does not return to its event loop. */
export type Receive = (channel: never) => { message: unknown } | undefined

/**
 * One end of a broadcast channel, read when its owner likes. Node hands messages to the event loop as soon as that
 * runs; a blocked thread finds them in the channel itself. Both ways together keep the order. Never keeps a thread
 * alive.
 */
export class Inbox<T> {
  readonly #channel: Channel
  readonly #receive: Receive
  #arrived: T[] = []

  constructor(channel: Channel, receive: Receive) {
    this.#channel = channel
    this.#receive = receive
    channel.onmessage = (event: unknown) => {
      this.#arrived.push((event as { data: T }).data)
    }
    channel.unref()
  }

  /** Hands out all that has come, in order. */
  drain(take: (message: T) => void): void {
    while (this.#arrived.length > 0) {
      const arrived = this.#arrived
      this.#arrived = []
      for (const message of arrived) take(message)
    }
    for (;;) {
      const received = this.#receive(this.#channel as never)
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
