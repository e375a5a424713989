import { describe, expect, it } from 'vitest'
import { runNode } from '#test/machine/child.js'

/** Runs child/interrupted.js in one of its ways and sends it a SIGINT at each line `ready`. */
function interrupt(how: string) {
  return runNode('interrupted.js', [how], {
    timeoutMs: 30_000,
    onLine: (line, child) => {
      if (line === 'ready') setTimeout(() => child.kill('SIGINT'), 50)
    },
  })
}

describe('SIGINT during a blocking call', () => {
  it('ends a process that does not listen', async () => {
    expect(await interrupt('none')).toMatchObject({ code: null, signal: 'SIGINT', lines: ['ready'] })
  })

  it('ends a process that no longer listens', async () => {
    expect(await interrupt('removed')).toMatchObject({
      code: null,
      signal: 'SIGINT',
      lines: ['ready', 'heard', 'ready'],
    })
  })

  it('is heard by a listener that was removed and added again', async () => {
    expect(await interrupt('again')).toMatchObject({ code: 0, lines: ['ready', 'heard', 'ready', 'heard', 'done'] })
  })

  it('is heard on the event loop too, and after shutdown', async () => {
    expect(await interrupt('loop')).toMatchObject({
      code: 0,
      lines: ['ready', 'heard', 'ready', 'heard', 'ready', 'heard', 'done'],
    })
  })

  it('rings the machine that is waited for when there are several', async () => {
    expect(await interrupt('two')).toMatchObject({ code: 0, lines: ['ready', 'heard', 'ready', 'heard', 'done'] })
  })

  it('interrupts a program that runs on and on', async () => {
    expect(await interrupt('run')).toMatchObject({ code: 0, lines: ['ready', 'heard', 'run: -4', 'done'] })
  })
})
