import { Worker } from 'node:worker_threads'
import { SIGNAL, SignalCommand } from '../../shared/layout.js'
import { word } from '../../shared/views.js'

const WORKER_URL = new URL('../../cpu-workers/signals.js', import.meta.url)
const SIGNAL_HEAP_MB = 64
/** How long a blocking call waits for the signal worker to obey. */
const COMMAND_MS = 200
/** How long the first blocking call waits for it to start. */
const START_MS = 2000

/**
 * Ctrl-C for a blocked main thread. Node's handler would only note the signal, and listeners run on an event loop that
 * stands still; so a worker takes SIGINT over from the first blocking call on that finds a listener, and rings the
 * machines' doorbells. Without a listener nothing is taken over, and Ctrl-C ends the process.
 */
export class Signals {
  readonly #words = new Int32Array(new SharedArrayBuffer(SIGNAL.$bytes))
  readonly #memories = new Set<WebAssembly.Memory>()
  #worker: Worker | null = null
  /** Node installs its own handler again whenever the first listener is added: it must be taken over anew. */
  #overtaken = false
  readonly #onNewListener = (event: string | symbol): void => {
    if (event === 'SIGINT' && process.listenerCount('SIGINT') === 0) this.#overtaken = true
  }

  /** A machine's memory, whose main doorbell is to be rung. */
  register(memory: WebAssembly.Memory): void {
    this.#memories.add(memory)
    this.#worker?.postMessage({ add: memory })
  }

  /** The machine is closed. With the last one, SIGINT is given back to Node. */
  async unregister(memory: WebAssembly.Memory): Promise<void> {
    this.#memories.delete(memory)
    this.#worker?.postMessage({ remove: memory })
    if (this.#memories.size === 0) await this.#stop()
  }

  /** Called at the start of each blocking call. */
  arm(): void {
    if (process.listenerCount('SIGINT') === 0) return
    if (!this.#worker) this.#start()
    else if (this.#overtaken) this.#command(SignalCommand.rearm)
    this.#overtaken = false
  }

  /** Runs the listeners if there was a SIGINT. Returns whether there was. */
  deliver(): boolean {
    if (Atomics.load(this.#words, word(SIGNAL.sigints)) === 0) return false
    Atomics.store(this.#words, word(SIGNAL.sigints), 0)
    // Nobody listens any more: then the signal does what it does without listeners.
    if (process.listenerCount('SIGINT') === 0) this.#command(SignalCommand.die)
    return process.emit('SIGINT', 'SIGINT')
  }

  #start(): void {
    this.#words.fill(0)
    this.#worker = new Worker(WORKER_URL, {
      workerData: { words: this.#words, memories: [...this.#memories] },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: SIGNAL_HEAP_MB },
    })
    this.#worker.unref()
    this.#worker.on('message', () => this.deliver())
    this.#worker.on('error', () => {})
    process.on('newListener', this.#onNewListener)
    // Once this returns no SIGINT is lost; before, it goes to Node, whose event loop is about to stand still.
    Atomics.wait(this.#words, word(SIGNAL.replies), 0, START_MS)
  }

  #command(command: number): void {
    const replies = Atomics.load(this.#words, word(SIGNAL.replies))
    Atomics.store(this.#words, word(SIGNAL.command), command)
    Atomics.notify(this.#words, word(SIGNAL.command))
    Atomics.wait(this.#words, word(SIGNAL.replies), replies, COMMAND_MS)
  }

  async #stop(): Promise<void> {
    const worker = this.#worker
    if (!worker) return
    this.#worker = null
    process.off('newListener', this.#onNewListener)
    this.#command(SignalCommand.leave)
    returnToNode()
    await worker.terminate()
  }
}

/** The system's handler went with the worker's: removing and adding the listeners makes Node install its own. */
function returnToNode(): void {
  const listeners = process.rawListeners('SIGINT') as ((...args: unknown[]) => void)[]
  if (listeners.length === 0) return
  process.removeAllListeners('SIGINT')
  for (const listener of listeners) process.on('SIGINT', listener)
}

/** Signals belong to the process: one object for all machines. */
export const signals = new Signals()
