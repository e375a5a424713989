/** The producer's side of a doorbell: a word that counts rings, and a flag that says whether somebody sleeps on it. */
import { HEADER } from '../layout.js'
import { drop, type Expr, i32, notify, type Statement, seq, when } from '../wasm/dsl.js'

/**
 * Wakes the sleeper, if there is one, by counting one ring. The sleeper raises its flag before it looks for work a last
 * time, and sleeps on the count that it saw before that look; lowering the flag here spares the rings that come while
 * it wakes up.
 */
export function ring(doorbell: Expr, sleeping: Expr): Statement {
  return when(
    i32.atomicLoad(sleeping),
    seq(i32.atomicStore(sleeping, 0), drop(i32.atomicAdd(doorbell, 1)), drop(notify(doorbell, -1))),
  )
}

/** Rings the main thread's doorbell. */
export const ringMain: Statement = ring(HEADER.mainDoorbell, HEADER.mainSleeping)
