import { CPU, cpuArea, HEADER, WRITER_SUPERVISOR } from '../shared/layout.js'
import { buildRecovery, Recovered, type RecoveryExports } from '../shared/maps/recover.js'
import type { Views } from '../shared/views.js'

/**
 * Makes the function that frees the locks of a dead CPU and finishes or undoes the change it was about to make. It
 * returns whether the CPU owned a lock.
 */
export function makeLockRecovery(views: Views): (area: number) => boolean {
  const cpus = views.u32[HEADER.cpusPossible >>> 2]!
  const env = { memory: views.memory, cpu: WRITER_SUPERVISOR, cpu_area: cpuArea(cpus) }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(buildRecovery()), { env })
  const { recover } = instance.exports as unknown as RecoveryExports
  return (area) => {
    const owner = views.u32[(area + CPU.number) >>> 2]!
    return (recover(area, owner) & (Recovered.lock | Recovered.innerLock)) !== 0
  }
}
