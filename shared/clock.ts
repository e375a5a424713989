const NS_PER_MS = 1e6
const CALIBRATIONS = 5

/**
 * Makes this thread's CLOCK_MONOTONIC in ns, as a float64. It reads performance.now(), which allocates nothing, moved
 * by the difference to the system's clock; of several measurements of that difference the least delayed is taken.
 */
export function monotonicClock(): () => number {
  let offsetNs = -Infinity
  for (let i = 0; i < CALIBRATIONS; i++) {
    const systemNs = Number(process.hrtime.bigint())
    offsetNs = Math.max(offsetNs, systemNs - performance.now() * NS_PER_MS)
  }
  return () => performance.now() * NS_PER_MS + offsetNs
}
