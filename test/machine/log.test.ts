import { describe, expect, it } from 'vitest'
import { PublicationLog } from '#shared/control/log.js'
import type { Envelope } from '#shared/control/protocol.js'
import type { Publication } from '#shared/messages.js'
import { attach } from '#test/machine/modules.js'
import { Random } from '#test/maps/random.js'

const module = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0))
const program = (id: number): Publication => ({
  kind: 'program',
  program: id,
  name: `p${id}`,
  type: 1,
  module,
  shapes: [],
  trapMap: { module: '', functions: [], lines: [], subprograms: [] },
})

/** What a CPU has after these messages, in a form that can be compared. */
function state(messages: Envelope['message'][]): string {
  const programs = new Set<number>()
  const links = new Map<number, string>()
  const executables = new Map<string, string>()
  for (const message of messages) {
    if (message.kind === 'program') programs.add(message.program)
    if (message.kind === 'attach') links.set(message.link, `${message.hook}=${message.program}`)
    if (message.kind === 'detach') links.delete(message.link)
    if (message.kind === 'executable') executables.set(message.path, message.url)
    if (message.kind === 'unload') {
      programs.delete(message.program)
      for (const [link, what] of links) if (what.endsWith(`=${message.program}`)) links.delete(link)
    }
  }
  return JSON.stringify([[...programs].sort(), [...links].sort(), [...executables].sort()])
}

function randomMessage(random: Random): Publication {
  const id = random.below(8)
  const link = random.below(16)
  switch (random.below(6)) {
    case 0:
      return program(id)
    case 1:
    case 2:
      return attach(link, `hook${random.below(3)}`, id)
    case 3:
      return { kind: 'detach', link }
    case 4:
      return { kind: 'unload', program: id }
    default:
      return { kind: 'executable', path: `/bin/${id}`, url: `file:///${random.below(4)}` }
  }
}

describe('the publication log', () => {
  it('gives a late starter the same state as the whole history', () => {
    const random = new Random()
    for (let round = 0; round < 200; round++) {
      const log = new PublicationLog()
      const history: Publication[] = []
      for (let sequence = 1; sequence <= 60; sequence++) {
        const message = randomMessage(random)
        history.push(message)
        log.append({ sequence, message })
      }
      const { envelopes, upTo } = log.snapshot()
      expect(state(envelopes.map((envelope) => envelope.message)), `seed ${random.seed}`).toBe(state(history))
      expect(envelopes.map((envelope) => envelope.sequence)).toEqual(
        envelopes.map((envelope) => envelope.sequence).sort((a, b) => a - b),
      )
      expect(upTo).toBe(60)
    }
  })

  it('forgets programs and links that are gone', () => {
    const log = new PublicationLog()
    for (let i = 0; i < 1000; i++) {
      log.append({ sequence: log.last + 1, message: program(i) })
      log.append({ sequence: log.last + 1, message: attach(i, 'hook', i) })
      if (i % 2 === 0) log.append({ sequence: log.last + 1, message: { kind: 'detach', link: i } })
      log.append({ sequence: log.last + 1, message: { kind: 'unload', program: i } })
      expect(log.length).toBe(0)
    }
  })

  it('takes each sequence number once', () => {
    const log = new PublicationLog()
    log.append({ sequence: 1, message: program(1) })
    log.append({ sequence: 2, message: { kind: 'unload', program: 1 } })
    log.append({ sequence: 1, message: program(1) })
    expect(log.length).toBe(0)
  })

  it('keeps a command for its CPU until it is obeyed', () => {
    const log = new PublicationLog()
    const spawn = { kind: 'spawn', task: 64, pid: 1000, url: 'dd', exportName: 'default', args: [] } as const
    log.append({ sequence: 1, cpu: 1, message: { ...spawn, args: [] } })
    expect(log.snapshot(0).envelopes).toHaveLength(0)
    expect(log.snapshot(1).envelopes).toHaveLength(1)
    log.dropCommands(() => false)
    expect(log.length).toBe(1)
    log.dropCommands(({ pid }) => pid === 1000)
    expect(log.length).toBe(0)
  })
})
