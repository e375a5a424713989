/** The half of recovery that perf rings need: their bookkeeping after the store that publishes a sample. */
import { IntentKind, PERF_MMAP_PAGE, PERF_RING } from '../layout.js'
import { type Expr, i32, i64, type Statement, seq, set, when } from '../wasm/dsl.js'
import type { Local } from '../wasm/function.js'

/**
 * `newHead` and `lostTotal` are the intent's, for a record with a LOST record before it. What was not published is
 * not there; what was is counted, and the reader finds the ring ready.
 */
export function emitRecoverPerf(ring: Expr, newHead: Expr, lostTotal: Expr, kind: Expr, head: Local): Statement {
  const counted = i64.or(
    i64.extendU(i32.add(i32.load(ring, PERF_RING.events), 1)),
    i64.shl(i64.extendU(head), i64.const(32)),
  )
  return when(
    i32.load(ring, PERF_RING.page),
    seq(
      set(head, i32.load(i32.load(ring, PERF_RING.page), PERF_MMAP_PAGE.dataHead)),
      when(
        i32.and(i32.eq(kind, IntentKind.perfOutputLost), i32.eq(head, newHead)),
        i32.store(ring, lostTotal, PERF_RING.lostReported),
      ),
      when(i32.ne(i32.load(ring, PERF_RING.eventsHead), head), i64.store(ring, counted, PERF_RING.events)),
      i32.atomicStore(ring, 1, PERF_RING.ready),
    ),
  )
}
