import type { Publication, SpawnMessage } from '../messages.js'
import type { Envelope, Snapshot } from './protocol.js'

/**
 * The envelopes that a CPU started now has to be given, in order. What later envelopes undo is dropped: a program with
 * its unloading, a link with its detaching, an executable replaced by another, a command that its CPU has taken.
 */
export class PublicationLog {
  readonly #envelopes = new Map<number, Envelope>()
  /** Sequence numbers of the envelopes that something later can undo, by what it would name. */
  readonly #byKey = new Map<string, number>()
  readonly #linksOfProgram = new Map<number, Set<number>>()
  #last = 0

  /** Sequence number of the newest envelope seen. */
  get last(): number {
    return this.#last
  }

  get length(): number {
    return this.#envelopes.size
  }

  /** Takes what another log held. */
  restore(snapshot: Snapshot): void {
    for (const envelope of snapshot.envelopes) this.append(envelope)
    this.#last = Math.max(this.#last, snapshot.upTo)
  }

  append(envelope: Envelope): void {
    if (envelope.sequence <= this.#last) return
    this.#last = envelope.sequence
    const { message } = envelope
    if (message.kind === 'detach') this.#forget(`link:${message.link}`)
    else if (message.kind === 'unload') this.#unload(message.program)
    else this.#keep(envelope)
  }

  /** Drops the commands that have been obeyed. */
  dropCommands(isObeyed: (command: SpawnMessage) => boolean): void {
    for (const { sequence, message } of this.#envelopes.values()) {
      if (message.kind === 'spawn' && isObeyed(message)) this.#envelopes.delete(sequence)
    }
  }

  /** What `cpu` needs when it starts; without a CPU everything. */
  snapshot(cpu?: number): Snapshot {
    const envelopes = [...this.#envelopes.values()]
    const wanted = envelopes.filter((envelope) => cpu === undefined || (envelope.cpu ?? cpu) === cpu)
    return { kind: 'snapshot', upTo: this.#last, envelopes: wanted }
  }

  #keep(envelope: Envelope): void {
    const { message, sequence } = envelope
    // A debugger's session ends with its CPU's thread.
    if (message.kind === 'debug') return
    this.#envelopes.set(sequence, envelope)
    if (message.kind === 'spawn') return
    const key = keyOf(message)
    this.#forget(key)
    this.#byKey.set(key, sequence)
    if (message.kind === 'attach') {
      const links = this.#linksOfProgram.get(message.program) ?? new Set()
      this.#linksOfProgram.set(message.program, links.add(message.link))
    }
  }

  #unload(program: number): void {
    for (const link of this.#linksOfProgram.get(program) ?? []) this.#forget(`link:${link}`)
    this.#linksOfProgram.delete(program)
    this.#forget(`program:${program}`)
  }

  #forget(key: string): void {
    const sequence = this.#byKey.get(key)
    if (sequence === undefined) return
    const message = this.#envelopes.get(sequence)?.message
    if (message?.kind === 'attach') this.#linksOfProgram.get(message.program)?.delete(message.link)
    this.#byKey.delete(key)
    this.#envelopes.delete(sequence)
  }
}

function keyOf(message: Publication): string {
  switch (message.kind) {
    case 'program':
    case 'unload':
      return `program:${message.program}`
    case 'attach':
    case 'detach':
      return `link:${message.link}`
    case 'mapOperations':
      return `shape:${message.shape}`
    case 'executable':
      return `executable:${message.path}`
  }
}
