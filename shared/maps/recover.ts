/**
 * Ends what a dead writer had begun. Its intent record says which change of a structure was under way; because the
 * dead still holds the locks, each structure is as it was before, or as it is after, one of the change's stores.
 */
import { CPU, HASH_ELEMENT, HASH_WRITER, INTENT, IntentKind } from '../layout.js'
import { emitRecoverPerf } from '../rings/recover.js'
import { ringMain } from '../sync/doorbell.js'
import { type BuildOptions, importEnvironment } from '../sync/environment.js'
import { LOCK_OWNER_MASK, unlocked } from '../sync/lock.js'
import { define, drop, type Expr, I32, i32, notify, type Statement, seq, set, tee, when } from '../wasm/dsl.js'
import type { Local } from '../wasm/function.js'
import { ModuleBuilder } from '../wasm/module.js'

/** Bits of recover()'s result. */
export const Recovered = { lock: 1, innerLock: 2, intent: 4 } as const

/** What an instance of buildRecovery() exports. */
export interface RecoveryExports {
  /**
   * Repairs what the writer with lock owner number `owner` (its CPU) and area `area` left behind, frees its locks, wakes
   * those who wait for them and the main thread. The writer's thread has ended. Returns bits of Recovered. May be
   * repeated, also after an end in the middle.
   */
  recover(area: number, owner: number): number
}

/** The module that the supervisor runs. Imports env.memory, cpu and cpu_area. */
export function buildRecovery(options: BuildOptions = {}): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder()
  const env = importEnvironment(module, options)
  const recover = define(module, 'recover', [I32, I32], [I32], ([area, owner], local) => {
    const result = local(I32)
    const kind = local(I32)
    const lock = local(I32)
    return seq(
      when(
        tee(kind, intent(area!, INTENT.kind)),
        seq(
          set(result, Recovered.intent),
          repairs(area!, kind, local),
          env.fault('recover.repaired'),
          i32.atomicStore(area!, IntentKind.none, CPU.intent + INTENT.kind),
          env.fault('recover.settled'),
        ),
      ),
      // The inner lock is freed first, as a living owner does.
      freeLock(area!, owner!, lock, result, INTENT.innerLock, Recovered.innerLock),
      env.fault('recover.innerFreed'),
      freeLock(area!, owner!, lock, result, INTENT.lock, Recovered.lock),
      env.fault('recover.freed'),
      ringMain,
      (f) => f.get(result),
    )
  })
  module.export('recover', recover)
  return module.build().bytes
}

const intent = (area: Expr, field: number): Expr => i32.load(area, CPU.intent + field)

function repairs(area: Local, kind: Local, local: (type: typeof I32) => Local): Statement {
  const object = intent(area, INTENT.object)
  return seq(
    when(i32.eq(kind, IntentKind.hashInsert), repairInsert(area)),
    when(i32.eq(kind, IntentKind.hashReplace), repairReplace(area)),
    when(i32.eq(kind, IntentKind.hashDelete), repairDelete(area)),
    when(
      i32.or(i32.eq(kind, IntentKind.perfOutput), i32.eq(kind, IntentKind.perfOutputLost)),
      emitRecoverPerf(object, intent(area, INTENT.a), intent(area, INTENT.b), kind, local(I32)),
    ),
  )
}

/** The free list whose lock the intent names as the inner one. */
const listOf = (area: Local): Expr => i32.sub(intent(area, INTENT.innerLock), HASH_WRITER.lock)

/** a: the bucket's head, b: the new element, c: the element taken from the free list to be the next spare, d: slot. */
function repairInsert(area: Local): Statement {
  const linked = i32.eq(i32.load(intent(area, INTENT.a)), intent(area, INTENT.b))
  return when(
    linked,
    i32.store(intent(area, INTENT.d), intent(area, INTENT.c), HASH_WRITER.spare),
    // Not linked: give the free element back. When it was not taken yet this changes nothing.
    i32.store(listOf(area), intent(area, INTENT.c), HASH_WRITER.head),
  )
}

/** a: the link to change, b: the new element, c: the old one, d: slot. */
function repairReplace(area: Local): Statement {
  const linked = i32.eq(i32.load(intent(area, INTENT.a)), intent(area, INTENT.b))
  return when(linked, i32.store(intent(area, INTENT.d), intent(area, INTENT.c), HASH_WRITER.spare))
}

/** a: the link to change, b: the element to remove and to push on the free list. */
function repairDelete(area: Local): Statement {
  const element = intent(area, INTENT.b)
  const unlinked = i32.ne(i32.load(intent(area, INTENT.a)), element)
  const pushed = i32.eq(i32.load(listOf(area), HASH_WRITER.head), element)
  return when(
    i32.and(unlinked, i32.eqz(pushed)),
    seq(
      i32.store(element, i32.load(listOf(area), HASH_WRITER.head), HASH_ELEMENT.nextFree),
      i32.store(listOf(area), element, HASH_WRITER.head),
    ),
  )
}

/** Frees the lock that an intent field names, if the dead owns it. */
function freeLock(area: Local, owner: Local, lock: Local, result: Local, field: number, bit: number): Statement {
  const held = i32.eq(i32.and(i32.atomicLoad(lock), LOCK_OWNER_MASK), i32.add(owner, 1))
  return when(
    tee(lock, intent(area, field)),
    seq(
      when(
        held,
        seq(
          set(result, i32.or(result, bit)),
          drop(i32.atomicExchange(lock, unlocked(i32.load(lock)))),
          drop(notify(lock, -1)),
        ),
      ),
      i32.store(area, 0, CPU.intent + field),
    ),
  )
}
