/** What the programs of the jit rows are and what they read: one object, one packet, for every side of a row. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ObjectImage } from '#lib/object/image.js'
import { type LinkedProgram, linkProgram } from '#lib/object/link.js'
import { readObject } from '#lib/object/read.js'

const OBJECT = fileURLToPath(new URL('../../bench/programs/jit.bpf.o', import.meta.url))
/** INPUT_BYTES of bench/programs/input.h. */
export const INPUT_BYTES = 3072
const FRAME_BYTES = 64
export const PROG_TYPE_SCHED_CLS = 3

let image: ObjectImage | undefined

export function jitImage(): ObjectImage {
  if (!image) {
    const read = readObject(new Uint8Array(readFileSync(OBJECT)), { name: 'jit' })
    if ('errno' in read) throw new Error(`${OBJECT}: ${read.message}`)
    image = read
  }
  return image
}

/** Names of the programs in the order of bench/programs/list.h, `empty` first. */
export function programNames(): string[] {
  return jitImage()
    .programs.filter((program) => program.name.startsWith('tc_'))
    .map((program) => program.name.slice('tc_'.length))
}

/** A program of the object, by the name it has there. */
export function linkedProgram(name: string): LinkedProgram {
  const program = jitImage().programs.find((candidate) => candidate.name === name)
  if (!program) throw new Error(`no program ${name} in ${OBJECT}`)
  const linked = linkProgram(jitImage(), program)
  if ('errno' in linked) throw new Error(`${name}: ${linked.message}`)
  return linked
}

/** EtherType by frame: IPv4, IPv6, IPv4 behind a VLAN tag, and one that no parser knows. */
const ETHER_TYPES = [0x0800, 0x0800, 0x86dd, 0x8100, 0x0800, 0x86dd, 0x0806, 0x0800]

/** The packet: 48 frames with headers in place and fixed noise elsewhere. */
export function inputPacket(): Uint8Array {
  const bytes = new Uint8Array(INPUT_BYTES)
  let state = 0x2545f491
  for (let i = 0; i < INPUT_BYTES; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    bytes[i] = state >>> 11
  }
  for (let frame = 0; frame < INPUT_BYTES / FRAME_BYTES; frame++) writeHeaders(bytes, frame)
  return bytes
}

function writeHeaders(bytes: Uint8Array, frame: number): void {
  const at = frame * FRAME_BYTES
  const view = new DataView(bytes.buffer, at, FRAME_BYTES)
  const type = ETHER_TYPES[frame % ETHER_TYPES.length]
  view.setUint16(12, type)
  const network = type === 0x8100 ? 18 : 14
  if (type === 0x8100) view.setUint16(16, 0x0800)
  const protocol = frame % 3 === 0 ? 17 : 6
  if (type === 0x86dd) {
    view.setUint8(network, 0x60)
    view.setUint8(network + 6, protocol)
  } else if (type !== 0x0806) {
    view.setUint8(network, frame % 5 === 4 ? 0x46 : 0x45)
    view.setUint8(network + 9, protocol)
  }
}
