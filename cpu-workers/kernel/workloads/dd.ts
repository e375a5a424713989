/** dd(1): if=FILE of=FILE bs=BYTES count=BLOCKS; without count it goes on until the input ends. */
import { AT_FDCWD, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, type Sys, type Task } from '../../../shared/kernel/workload.js'
import { errorText, print } from './print.js'

const BLOCK_BYTES = 512
const STDIN = 0
const STDOUT = 1
const STDERR = 2
const CREATE_MODE = 0o666
const units: Record<string, number> = { c: 1, w: 2, b: 512, K: 1024, k: 1024, M: 1048576, G: 1073741824 }

interface Operands {
  if?: string
  of?: string
  bs: number
  count: number
}

/** A number with dd's suffixes, or NaN. */
function parseNumber(text: string): number {
  const match = /^(\d+)([cwbKkMG]?)$/.exec(text)
  return match ? Number(match[1]) * (units[match[2]] ?? 1) : Number.NaN
}

function parse(args: string[]): Operands | string {
  const operands: Operands = { bs: BLOCK_BYTES, count: Number.POSITIVE_INFINITY }
  for (const arg of args) {
    const at = arg.indexOf('=')
    const name = arg.slice(0, at)
    const value = arg.slice(at + 1)
    if (at < 0) return `unrecognized operand ‘${arg}’`
    if (name === 'if' || name === 'of') operands[name] = value
    else if (name === 'bs' || name === 'count') {
      operands[name] = parseNumber(value)
      if (!(operands[name] >= (name === 'bs' ? 1 : 0))) return `invalid number: ‘${value}’`
    } else return `unrecognized operand ‘${arg}’`
  }
  return operands
}

export function* dd(sys: Sys, args: string[]): Task {
  const operands = parse(args)
  if (typeof operands === 'string') {
    yield* print(sys, STDERR, `dd: ${operands}\n`)
    return 1
  }
  let input = STDIN
  let output = STDOUT
  if (operands.if !== undefined) {
    input = yield sys.openat(AT_FDCWD, operands.if, O_RDONLY, 0)
    if (input < 0) return yield* fail(sys, operands.if, input)
  }
  if (operands.of !== undefined) {
    output = yield sys.openat(AT_FDCWD, operands.of, O_WRONLY | O_CREAT | O_TRUNC, CREATE_MODE)
    if (output < 0) return yield* fail(sys, operands.of, output)
  }
  const buffer = sys.alloc(operands.bs)
  if (buffer === 0) {
    yield* print(sys, STDERR, `dd: memory exhausted by input buffer of size ${operands.bs} bytes\n`)
    return 1
  }
  return yield* copy(sys, input, output, buffer, operands)
}

function* fail(sys: Sys, path: string, error: number): Task {
  yield* print(sys, STDERR, `dd: failed to open '${path}': ${errorText(error)}\n`)
  return 1
}

function* copy(sys: Sys, input: number, output: number, buffer: number, operands: Operands): Task {
  const { bs, count } = operands
  const start = sys.nowNs()
  const full = { read: 0, written: 0 }
  const partial = { read: 0, written: 0 }
  let bytes = 0
  let status = 0
  for (let block = 0; block < count; block++) {
    const got = yield sys.read(input, buffer, bs)
    if (got <= 0) {
      if (got < 0) status = 1
      break
    }
    ;(got === bs ? full : partial).read++
    const put = yield sys.write(output, buffer, got)
    if (put < 0) {
      status = 1
      break
    }
    ;(put === bs ? full : partial).written++
    bytes += put
  }
  const seconds = (sys.nowNs() - start) / 1e9
  const lines = [
    `${full.read}+${partial.read} records in`,
    `${full.written}+${partial.written} records out`,
    `${bytes} bytes copied, ${seconds.toPrecision(6)} s, ${(bytes / 1e6 / seconds).toFixed(1)} MB/s`,
  ]
  yield* print(sys, STDERR, `${lines.join('\n')}\n`)
  return status
}
