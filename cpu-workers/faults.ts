import type { MessagePort } from 'node:worker_threads'
import type { CpuRequest } from '../shared/control/protocol.js'
import { FaultAction, HEADER } from '../shared/layout.js'
import { type Views, word } from '../shared/views.js'

/** Thrown by a fault point: it ends the CPU, not just the program that was running. */
export class InjectedFault extends Error {
  constructor(point: number) {
    super(`fault point ${point}`)
    this.name = 'InjectedFault'
  }
}

/** Cells of each piece with which the heap is filled: small, since one huge allocation would abort the process. */
const HOARD_CELLS = 4096

/**
 * Makes env.fault_point of one CPU: when HEADER.faultCpu names it and the countdown reaches 0, the CPU dies by
 * HEADER.faultAction there and then.
 */
export function makeFaultPoint(views: Views, cpu: number, port: MessagePort): (point: number) => void {
  const { i32 } = views
  return (point) => {
    if (i32[word(HEADER.faultAction)] === FaultAction.none || i32[word(HEADER.faultCpu)] !== cpu) return
    if (Atomics.sub(i32, word(HEADER.faultCountdown), 1) !== 1) return
    const action = Atomics.exchange(i32, word(HEADER.faultAction), FaultAction.none)
    Atomics.store(i32, word(HEADER.faultPoint), point)
    Atomics.add(i32, word(HEADER.faultsFired), 1)
    die(action, point, port)
  }
}

function die(action: number, point: number, port: MessagePort): void {
  switch (action) {
    case FaultAction.exit:
      process.exit(1)
      break
    case FaultAction.throw:
      throw new InjectedFault(point)
    case FaultAction.exhaust: {
      const hoard: number[][] = []
      for (;;) hoard.push(new Array<number>(HOARD_CELLS).fill(point))
    }
    case FaultAction.terminate: {
      const request: CpuRequest = { kind: 'terminateMe' }
      port.postMessage(request)
      for (;;);
    }
  }
}
