import { failEvents } from '../shared/control/events.js'
import { abandonTasks } from '../shared/kernel/task.js'
import { SIGKILL } from '../shared/kernel/workload.js'
import { CPU, CpuState, cpuArea, HEADER } from '../shared/layout.js'
import { type Views, word } from '../shared/views.js'

/**
 * Puts in order what a dead CPU left: its locks and half-done changes, its read-side section, the events it was to
 * run. Runs in the supervisor when the thread has ended for certain. Wakes everybody who may have waited for it.
 */
export function buryCpu(views: Views, cpu: number, recoverLocks: (area: number) => boolean): void {
  const { i32 } = views
  const area = cpuArea(cpu)
  const wasOnline = Atomics.exchange(i32, word(area + CPU.state), CpuState.dead) === CpuState.online
  i32[word(area + CPU.thread)] = 0
  if (recoverLocks(area)) Atomics.add(i32, word(HEADER.cpuDeathsLocked), 1)
  i32[word(area + CPU.contextLevel)] = 0
  i32[word(area + CPU.currentTask)] = 0
  Atomics.store(i32, word(area + CPU.sleeping), 0)
  Atomics.add(i32, word(area + CPU.quiescent), 1)
  Atomics.store(i32, word(area + CPU.nesting), 0)
  abandonTasks(views, cpu, SIGKILL)
  failEvents(views, area)
  if (wasOnline) Atomics.sub(i32, word(HEADER.cpusOnline), 1)
  Atomics.add(i32, word(HEADER.cpuDeaths), 1)
  Atomics.notify(i32, word(HEADER.cpuDeaths))
  Atomics.notify(i32, word(HEADER.cpusOnline))
  Atomics.add(i32, word(HEADER.mainDoorbell), 1)
  Atomics.notify(i32, word(HEADER.mainDoorbell))
}
