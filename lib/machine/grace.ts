import { CPU, cpuArea } from '../../shared/layout.js'
import { type Views, word } from '../../shared/views.js'

/** A grace period longer than this means that a program does not end. */
const GRACE_MAX_MS = 5000
const POLL_MS = 1

/**
 * Waits until every CPU has left the read-side section it was in when this was called. A CPU outside of one, a sleeping
 * or a dead one too, is not waited for. Returns false when a CPU stayed inside for the whole `timeoutMs`.
 */
export function waitGracePeriod(views: Views, cpus: number, timeoutMs = GRACE_MAX_MS): boolean {
  const { i32 } = views
  const inside: { area: number; quiescent: number; incarnation: number }[] = []
  for (let cpu = 0; cpu < cpus; cpu++) {
    const area = cpuArea(cpu)
    // In this order: a section that ends in between is then seen to have ended.
    const quiescent = Atomics.load(i32, word(area + CPU.quiescent))
    const incarnation = Atomics.load(i32, word(area + CPU.incarnation))
    if (Atomics.load(i32, word(area + CPU.nesting)) !== 0) inside.push({ area, quiescent, incarnation })
  }
  const deadlineMs = performance.now() + timeoutMs
  for (const { area, quiescent, incarnation } of inside) {
    while (
      Atomics.load(i32, word(area + CPU.nesting)) !== 0 &&
      Atomics.load(i32, word(area + CPU.quiescent)) === quiescent &&
      Atomics.load(i32, word(area + CPU.incarnation)) === incarnation
    ) {
      if (performance.now() > deadlineMs) return false
      Atomics.wait(i32, word(area + CPU.quiescent), quiescent, POLL_MS)
    }
  }
  return true
}
