/**
 * The signal worker. It sleeps inside a script that SIGINT interrupts, and so notices Ctrl-C while the main thread is
 * blocked. Two such scripts are open, one within the other: while the inner one is being opened again, the outer one
 * still catches the signal, so that none is lost and none ends the process.
 */

import { Script } from 'node:vm'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { HEADER, SIGNAL, SignalCommand } from '../shared/layout.js'
import { word } from '../shared/views.js'

interface SignalWorkerData {
  words: Int32Array
  memories: WebAssembly.Memory[]
}

const { words, memories } = workerData as SignalWorkerData
const port = parentPort!
const INTERRUPTED = 'ERR_SCRIPT_EXECUTION_INTERRUPTED'
const scope = globalThis as unknown as { smpbpfOuter: () => void; smpbpfInner: () => void }
const outerScript = new Script('smpbpfOuter()')
const innerScript = new Script('smpbpfInner()')
let doorbells = memories.map((memory) => new Int32Array(memory.buffer))

/** Runs the script. Returns whether SIGINT ended it. */
function interrupted(script: Script): boolean {
  try {
    script.runInThisContext({ breakOnSigint: true })
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== INTERRUPTED) throw error
    return true
  }
}

function announce(): void {
  Atomics.add(words, word(SIGNAL.sigints), 1)
  learnMachines()
  for (const i32 of doorbells) {
    Atomics.add(i32, word(HEADER.mainDoorbell), 1)
    Atomics.notify(i32, word(HEADER.mainDoorbell))
  }
  port.postMessage(null)
}

/** Takes note of machines that were booted or closed since the last look. */
function learnMachines(): void {
  for (;;) {
    const received = receiveMessageOnPort(port)
    if (!received) return
    const { add, remove } = received.message as { add?: WebAssembly.Memory; remove?: WebAssembly.Memory }
    if (add) doorbells.push(new Int32Array(add.buffer))
    if (remove) doorbells = doorbells.filter((i32) => i32.buffer !== remove.buffer)
  }
}

function command(): number {
  return Atomics.load(words, word(SIGNAL.command))
}

function reply(): void {
  Atomics.add(words, word(SIGNAL.replies), 1)
  Atomics.notify(words, word(SIGNAL.replies))
}

scope.smpbpfInner = () => {
  reply()
  while (command() === SignalCommand.none) Atomics.wait(words, word(SIGNAL.command), SignalCommand.none)
}

scope.smpbpfOuter = () => {
  while (command() === SignalCommand.none) if (interrupted(innerScript)) announce()
}

for (;;) {
  while (command() === SignalCommand.none) if (interrupted(outerScript)) announce()
  const order = Atomics.exchange(words, word(SIGNAL.command), SignalCommand.none)
  // With the scripts closed the signal's default action is back.
  if (order === SignalCommand.die) process.kill(process.pid, 'SIGINT')
  if (order === SignalCommand.leave) break
}
reply()
