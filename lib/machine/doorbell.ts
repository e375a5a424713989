import { HEADER } from '../../shared/layout.js'
import { type Views, word } from '../../shared/views.js'
import { signals } from './signals.js'

/** How a wait ended; dead: the machine shuts down or its supervisor is gone. */
export type WaitOutcome = 'rung' | 'timeout' | 'signal' | 'dead'

/** One step of a blocked wait: between two, signals and the supervisor's health are looked at. */
const STEP_MS = 100

/**
 * The word on which the main thread sleeps. Who wants to wait calls prepare(), looks at what it waits for, waits with
 * the number that prepare() gave, looks again, and calls finish(). Producers ring only while somebody is between the
 * two.
 */
export class Doorbell {
  readonly #views: Views
  readonly #alive: () => boolean
  #waiters = 0
  /** The one outstanding Atomics.waitAsync and the number it waits on: an abandoned one is used again. */
  #pending: { seen: number; rung: Promise<unknown> } | null = null

  constructor(views: Views, alive: () => boolean) {
    this.#views = views
    this.#alive = alive
  }

  prepare(): number {
    const { i32 } = this.#views
    this.#waiters++
    Atomics.store(i32, word(HEADER.mainSleeping), this.#waiters)
    return Atomics.load(i32, word(HEADER.mainDoorbell))
  }

  finish(): void {
    this.#waiters--
    Atomics.store(this.#views.i32, word(HEADER.mainSleeping), this.#waiters)
  }

  /**
   * Blocks until the doorbell has moved from `seen`, at most `timeoutMs` (negative: for ever). A SIGINT with a listener
   * ends it: the listener has then run.
   */
  wait(seen: number, timeoutMs: number): WaitOutcome {
    const { i32 } = this.#views
    const deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    signals.arm()
    this.prepare()
    try {
      for (;;) {
        if (signals.deliver()) return 'signal'
        if (Atomics.load(i32, word(HEADER.mainDoorbell)) !== seen) return 'rung'
        if (!this.#alive()) return 'dead'
        const leftMs = deadlineMs - performance.now()
        if (leftMs <= 0) return 'timeout'
        Atomics.wait(i32, word(HEADER.mainDoorbell), seen, Math.min(leftMs, STEP_MS))
      }
    } finally {
      this.finish()
    }
  }

  /** The same without blocking: signals are Node's own affair, and the process stays alive meanwhile. */
  async waitAsync(seen: number, timeoutMs: number): Promise<WaitOutcome> {
    const { i32 } = this.#views
    const deadlineMs = timeoutMs < 0 ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs
    this.prepare()
    try {
      for (;;) {
        if (Atomics.load(i32, word(HEADER.mainDoorbell)) !== seen) return 'rung'
        if (!this.#alive()) return 'dead'
        const leftMs = deadlineMs - performance.now()
        if (leftMs <= 0) return 'timeout'
        await this.#rungOrLater(seen, Math.min(leftMs, STEP_MS))
      }
    } finally {
      this.finish()
    }
  }

  async #rungOrLater(seen: number, stepMs: number): Promise<void> {
    const { i32 } = this.#views
    if (this.#pending && this.#pending.seen !== seen) {
      // Resolves a wait whose ring came while nobody was between prepare() and finish().
      Atomics.notify(i32, word(HEADER.mainDoorbell))
      this.#pending = null
    }
    if (!this.#pending) {
      const wait = Atomics.waitAsync(i32, word(HEADER.mainDoorbell), seen)
      if (!wait.async) return
      this.#pending = { seen, rung: wait.value }
      const mine = this.#pending
      void wait.value.then(() => {
        if (this.#pending === mine) this.#pending = null
      })
    }
    let timer: NodeJS.Timeout | undefined
    const later = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, stepMs)
    })
    await Promise.race([this.#pending.rung, later])
    clearTimeout(timer)
  }
}

/** Blocks until `holds()`, looking again whenever the word at `address` changes; at most `timeoutMs`. */
export function waitUntil(views: Views, address: number, holds: () => boolean, timeoutMs: number): boolean {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    const seen = Atomics.load(views.i32, word(address))
    if (holds()) return true
    const leftMs = deadlineMs - performance.now()
    if (leftMs <= 0) return false
    Atomics.wait(views.i32, word(address), seen, Math.min(leftMs, STEP_MS))
  }
}
