/** Reads mutated objects: nothing may throw, hang, or need memory out of proportion to the file. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isFailure } from '#lib/elf/failure.js'
import type { ObjectImage } from '#lib/object/image.js'
import { type LinkedProgram, linkProgram } from '#lib/object/link.js'
import { readObject } from '#lib/object/read.js'
import { Random } from '#test/maps/random.js'
import { programBytes } from '#test/object/support.js'

/** What is mutated: maps of both kinds, globals, subprograms, callbacks, externs, objects of four compilers. */
export const SPECIMENS = [
  'maps',
  'globals',
  'subprograms',
  'callbacks',
  'map_in_map',
  'legacy',
  'legacy_nobtf',
  'needs_kernel',
  'printk',
  'compilers/clang-13',
  'compilers/clang-14',
  'compilers/clang-16',
  'compilers/clang-19',
]

export interface ElfMutationOptions {
  readonly count: number
  readonly seed: number
  readonly progress?: (text: string) => void
}

export interface ElfMutationFigures extends Record<string, unknown> {
  count: number
  seed: number
  accepted: number
  linked: number
  /** How often each errno was given. */
  errnos: Record<string, number>
  slowestMs: number
  /** Most bytes of buffers that one image kept, as a multiple of its file. */
  bufferRatio: number
  /** Most memory beyond the slack that one image kept after a collection, as a multiple of its file (sampled). */
  heapRatio: number
}

/** Limits of kept memory: 10 times the file, and some room for what the engine itself adds meanwhile. */
const RATIO_LIMIT = 10
const HEAP_SLACK_BYTES = 16 * 1024
const HEAP_SAMPLE_EVERY = 64

const INTERESTING = [0, 1, 2, 3, 4, 7, 8, 0x18, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]

interface Specimen {
  readonly bytes: Uint8Array
  /** Parts that matter most: headers and the sections that the reader looks into; [offset, length]. */
  readonly parts: readonly (readonly [number, number])[]
}

function specimen(name: string): Specimen {
  const bytes = programBytes(name)
  const view = new DataView(bytes.buffer)
  const table = Number(view.getBigUint64(40, true))
  const count = view.getUint16(60, true)
  const parts: [number, number][] = [
    [0, 64],
    [table, 64 * count],
  ]
  for (let index = 1; index < count; index++) {
    const at = table + 64 * index
    const size = Number(view.getBigUint64(at + 32, true))
    const holdsBytes = view.getUint32(at + 4, true) !== 8 && size > 0
    if (holdsBytes) parts.push([Number(view.getBigUint64(at + 24, true)), size])
  }
  return { bytes, parts }
}

/** One change of `bytes` in place, within one of the specimen's parts. */
function mutate(random: Random, { bytes: original, parts }: Specimen, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer)
  const place = (unit: number): number => {
    const [offset, length] = parts[random.below(parts.length)]
    return Math.min(offset + random.below(Math.max(1, Math.floor(length / unit))) * unit, bytes.length - unit)
  }
  switch (random.below(7)) {
    case 0: {
      const at = place(1)
      bytes[at] ^= 1 << random.below(8)
      break
    }
    case 1:
      bytes[place(1)] = random.below(256)
      break
    case 2:
      view.setUint32(place(4), INTERESTING[random.below(INTERESTING.length)], true)
      break
    case 3: {
      const at = place(4)
      view.setUint32(at, view.getUint32(at, true) + [-8, -4, -1, 1, 4, 8, 16, 24][random.below(8)], true)
      break
    }
    case 4:
      view.setBigUint64(
        place(8),
        BigInt(INTERESTING[random.below(INTERESTING.length)]) << BigInt(random.below(32)),
        true,
      )
      break
    case 5: {
      const [from, to] = [place(1), place(1)]
      const length = Math.min(1 + random.below(64), original.length - Math.max(from, to))
      bytes.set(original.subarray(from, from + length), to)
      break
    }
    default: {
      // A whole record elsewhere: a header, symbol or relocation that belongs to another place.
      const unit = [16, 24, 64][random.below(3)]
      const [from, to] = [place(unit), place(unit)]
      bytes.set(original.subarray(from, from + unit), to)
    }
  }
}

/** The bytes of mutation `index` of a run; each depends on the seed and its number only. */
export function mutation(specimens: readonly Specimen[], seed: number, index: number): Uint8Array {
  const random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0)
  const chosen = specimens[random.below(specimens.length)]
  const bytes = new Uint8Array(chosen.bytes)
  for (let changes = [1, 1, 1, 2, 3, 8][random.below(6)]; changes > 0; changes--) mutate(random, chosen, bytes)
  if (random.below(32) === 0) return bytes.slice(0, random.below(bytes.length))
  return bytes
}

/** Distinct buffers an image and its programs hold, in bytes. */
function bufferBytes(image: ObjectImage, linked: readonly LinkedProgram[]): number {
  const buffers = new Set<ArrayBufferLike>()
  for (const item of [...image.programs, ...image.subprograms]) buffers.add(item.insns.buffer)
  for (const map of image.maps) if (map.content) buffers.add(map.content.buffer)
  if (image.btf) buffers.add(image.btf.bytes.buffer)
  if (image.btfExt) buffers.add(image.btfExt.bytes.buffer)
  for (const { insns, funcInfo, lineInfo } of linked) {
    for (const view of [insns, funcInfo.bytes, lineInfo.bytes]) buffers.add(view.buffer)
  }
  let total = 0
  for (const buffer of buffers) total += buffer.byteLength
  return total
}

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

const memoryBytes = (): number => {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** Weighings of one image: the engine compiles and grows its heap at moments of its own, so the least counts. */
const WEIGHINGS_MAX = 16

class Run {
  readonly figures: ElfMutationFigures
  private readonly collect = collector()
  /** Keeps the last image alive while its memory is measured. */
  kept: unknown = null

  constructor(private readonly options: ElfMutationOptions) {
    const { count, seed } = options
    const zero = { accepted: 0, linked: 0, slowestMs: 0, bufferRatio: 0, heapRatio: 0 }
    this.figures = { count, seed, ...zero, errnos: {} }
  }

  private fail(index: number, text: string): never {
    throw new Error(`mutation ${index} of seed ${this.options.seed}: ${text}`)
  }

  one(bytes: Uint8Array, index: number): void {
    const start = performance.now()
    this.kept = this.read(bytes, index)
    this.figures.slowestMs = Math.max(this.figures.slowestMs, performance.now() - start)
    this.kept = null
    if (index % HEAP_SAMPLE_EVERY === HEAP_SAMPLE_EVERY - 1) this.weigh(bytes, index)
  }

  /** Measures what an image keeps. The engine's own growth comes once; an image's comes each time. */
  private weigh(bytes: Uint8Array, index: number): void {
    let room = Number.POSITIVE_INFINITY
    for (let attempts = 0; attempts < WEIGHINGS_MAX && room > RATIO_LIMIT * bytes.length; attempts++) {
      this.collect()
      const before = memoryBytes()
      this.kept = this.hold(bytes)
      this.collect()
      room = Math.min(room, Math.max(0, memoryBytes() - before - HEAP_SLACK_BYTES))
      this.kept = null
    }
    if (room > RATIO_LIMIT * bytes.length) this.fail(index, `${room} bytes kept`)
    this.figures.heapRatio = Math.max(this.figures.heapRatio, room / Math.max(1, bytes.length))
  }

  /** All that reading and linking gives. */
  hold(bytes: Uint8Array): unknown {
    const image = readObject(bytes)
    return isFailure(image) ? image : [image, image.programs.map((program) => linkProgram(image, program))]
  }

  private read(bytes: Uint8Array, index: number): unknown {
    let image: ReturnType<typeof readObject>
    try {
      image = readObject(bytes, { name: 'mutant' })
    } catch (error) {
      return this.fail(index, `threw ${error instanceof Error ? error.stack : error}`)
    }
    if (isFailure(image)) {
      this.refused(image, index)
      return image
    }
    this.figures.accepted++
    return this.link(image, bytes, index)
  }

  private refused(failure: { errno: number; message: string }, index: number): void {
    const { errno, message } = failure
    if (!(errno < 0) || message.length === 0) this.fail(index, `refused with ${errno} '${message}'`)
    this.figures.errnos[errno] = (this.figures.errnos[errno] ?? 0) + 1
  }

  private link(image: ObjectImage, bytes: Uint8Array, index: number): unknown {
    const linked: LinkedProgram[] = []
    for (const program of image.programs) {
      try {
        const result = linkProgram(image, program)
        if (isFailure(result)) this.refused(result, index)
        else linked.push(result)
      } catch (error) {
        this.fail(index, `linking '${program.name}' threw ${error instanceof Error ? error.stack : error}`)
      }
    }
    this.figures.linked += linked.length
    const ratio = bufferBytes(image, linked) / bytes.length
    if (ratio > RATIO_LIMIT) this.fail(index, `buffers of ${ratio} times the file`)
    this.figures.bufferRatio = Math.max(this.figures.bufferRatio, ratio)
    return [image, linked]
  }
}

/** Reads and links `count` mutated objects. Throws at the first that breaks a rule, with the seed and its number. */
export function runElfMutations(options: ElfMutationOptions): ElfMutationFigures {
  const specimens = SPECIMENS.map(specimen)
  const run = new Run(options)
  // So that the engine's own compiled code does not count as an image's memory.
  for (const { bytes } of [...specimens, ...specimens]) run.hold(bytes)
  for (let index = 0; index < options.count; index++) {
    run.one(mutation(specimens, options.seed, index), index)
    if (index % 5000 === 4999) options.progress?.(`${index + 1} of ${options.count}`)
  }
  const { slowestMs, bufferRatio, heapRatio } = run.figures
  const rounded = (value: number) => Math.round(value * 10) / 10
  return Object.assign(run.figures, {
    slowestMs: rounded(slowestMs),
    bufferRatio: rounded(bufferRatio),
    heapRatio: rounded(heapRatio),
  })
}
