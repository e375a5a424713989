/**
 * The lock of every shared structure, in one word: the owner's number + 1 in the low byte (0: free), whether somebody
 * waits in the top bit, and between them a version that each unlock raises. Owner and waiters share one
 * compare-and-swap, so that the supervisor can free what a dead CPU held; the version tells a reader that takes no lock
 * whether a writer has been there since it looked.
 */

import { CPU, HEADER, INTENT } from '../layout.js'
import { EBUSY } from '../uapi/errno.js'
import {
  block,
  br,
  brIf,
  call,
  define,
  drop,
  type Emit,
  type Expr,
  I32,
  i32,
  i64,
  loop,
  notify,
  ret,
  type Statement,
  select,
  seq,
  set,
  tee,
  wait32,
  when,
} from '../wasm/dsl.js'
import type { FunctionBuilder, Local } from '../wasm/function.js'
import type { ModuleBuilder } from '../wasm/module.js'
import type { Environment } from './environment.js'

/** Set in a lock word while a thread sleeps, or may sleep, on it. */
export const LOCK_WAITERS = 0x80000000 | 0
export const LOCK_OWNER_MASK = 0xff
export const LOCK_VERSION_MASK = 0x7fffff00
const LOCK_VERSION_STEP = 0x100

const SPINS = 100
const WAIT_STEP_NS = 1_000_000
/** 5,000 steps that time out are 5 s; a wait that ends early counts for less, but still counts. */
const PATIENCE = 80_000
const PATIENCE_PER_TIMEOUT = 16
const WAIT_TIMED_OUT = 2

/** Which field of the intent record names the lock. */
export type IntentLock = 'lock' | 'innerLock'

export interface Locks {
  /** Takes the lock whose word is at `address`: leaves 0, or -EBUSY when that took more than about 5 s. */
  lock(address: Expr, field?: IntentLock): Emit
  /** Frees a lock that this thread holds. */
  unlock(address: Expr, field?: IntentLock): Statement
}

/** Defines the slow paths in `module` and returns the emitters of the fast ones. `address` is evaluated repeatedly. */
export function emitLock(module: ModuleBuilder, env: Environment): Locks {
  const slow = emitSlowLock(module, env)
  const owner = i32.add(env.cpu, 1)
  const lock = (address: Expr, field: IntentLock = 'lock'): Emit =>
    withLocal((free) =>
      seq(
        i32.store(env.area, address, CPU.intent + INTENT[field]),
        set(free, i32.and(i32.load(address), LOCK_VERSION_MASK)),
        when(
          i32.eq(i32.compareExchange(address, free, i32.or(free, owner)), free),
          seq(env.fault('lock.taken'), i32.const(0)),
          call(slow, address, CPU.intent + INTENT[field]),
          I32,
        ),
      ),
    )
  const unlock = (address: Expr, field: IntentLock = 'lock'): Statement =>
    seq(
      when(i32.ltS(i32.atomicExchange(address, unlocked(i32.load(address))), 0), drop(notify(address, 1))),
      env.fault('lock.released'),
      i32.store(env.area, 0, CPU.intent + INTENT[field]),
    )
  return { lock, unlock }
}

/** What a lock word becomes when its owner frees it: no owner, no waiters, the next version. */
export function unlocked(word: Expr): Emit {
  return i32.and(i32.add(word, LOCK_VERSION_STEP), LOCK_VERSION_MASK)
}

/** A local of the function under construction, made where it is needed. */
function withLocal(body: (local: Local) => Emit): Emit {
  return (f) => body(f.local(I32))(f)
}

function emitSlowLock(module: ModuleBuilder, env: Environment): FunctionBuilder {
  return define(module, 'lock_slow', [I32, I32], [I32], ([address, field], local) => {
    const word = local(I32)
    const spins = local(I32)
    const waited = local(I32)
    // Once this thread has slept, others may sleep too: it must take the lock with the waiters bit set.
    const waiters = local(I32)
    const wanted = i32.or(i32.and(word, LOCK_VERSION_MASK), i32.or(i32.add(env.cpu, 1), waiters))
    const giveUp = seq(i32.store(i32.add(env.area, field!), 0), ret(-EBUSY))
    const sleep = seq(
      set(waiters, LOCK_WAITERS),
      when(i32.load(0, HEADER.shuttingDown), giveUp),
      when(i32.geU(waited, PATIENCE), giveUp),
      set(
        waited,
        i32.add(
          waited,
          select(
            i32.eq(wait32(address!, i32.or(word, LOCK_WAITERS), i64.const(WAIT_STEP_NS)), WAIT_TIMED_OUT),
            PATIENCE_PER_TIMEOUT,
            1,
          ),
        ),
      ),
    )
    return seq(
      set(spins, SPINS),
      loop((_leave, again) =>
        seq(
          when(
            i32.eqz(i32.and(tee(word, i32.atomicLoad(address!)), LOCK_OWNER_MASK)),
            seq(
              when(i32.eq(i32.compareExchange(address!, word, wanted), word), seq(env.fault('lock.taken'), ret(0))),
              br(again),
            ),
          ),
          when(spins, seq(set(spins, i32.sub(spins, 1)), br(again))),
          block((marked) =>
            seq(
              brIf(marked, i32.ltS(word, 0)),
              brIf(marked, i32.eq(i32.compareExchange(address!, word, i32.or(word, LOCK_WAITERS)), word)),
              br(again),
            ),
          ),
          sleep,
        ),
      ),
      (f) => f.i32Const(-EBUSY),
    )
  })
}
