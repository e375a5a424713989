import { Linker } from '../shared/control/linker.js'
import type { MachineFacts } from '../shared/control/protocol.js'
import { CPU, cpuArea, HEADER, WRITER_SUPERVISOR } from '../shared/layout.js'
import { buildRecovery, Recovered, type RecoveryExports } from '../shared/maps/recover.js'
import { type Views, word } from '../shared/views.js'

/**
 * Makes the function that frees the locks of a dead CPU and finishes or undoes the change it was about to make. It
 * returns whether the CPU owned a lock.
 */
export function makeLockRecovery(views: Views, facts: MachineFacts): (area: number) => boolean {
  const linker = new Linker({
    views,
    area: cpuArea(views.u32[word(HEADER.cpusPossible)]),
    writer: WRITER_SUPERVISOR,
    nowNs: () => 0,
  })
  const module = new WebAssembly.Module(buildRecovery({ faultPoints: facts.faultPoints }))
  const { recover } = linker.instantiate(module) as unknown as RecoveryExports
  return (area) => {
    const cpu = views.u32[word(area + CPU.number)]
    return (recover(area, cpu) & (Recovered.lock | Recovered.innerLock)) !== 0
  }
}
