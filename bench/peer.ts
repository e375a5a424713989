import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { toHex } from './assemble.js'

/** Sources stay where they were written; this module runs from dist/bench. */
const sources = fileURLToPath(new URL('../../bench/peers/', import.meta.url))
const programs = fileURLToPath(new URL('../../bench/programs/', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))

export interface PeerMap {
  type: number
  keyBytes: number
  valueBytes: number
  maxEntries: number
  flags?: number
  /** The value of key 0 that the map starts with. */
  content?: Uint8Array
}

/** What a peer reads from its standard input; bench/peers/peer.h describes the text form. */
export interface PeerRequest {
  type: number
  insns: Uint8Array
  maps?: PeerMap[]
  /** The program's raw BTF and its bpf_func_info records. */
  btf?: Uint8Array
  funcInfo?: Uint8Array
  /** Programs that are loaded first and put into a program array: [insns, map, index]. */
  stores?: readonly (readonly [Uint8Array, number, number])[]
  data?: Uint8Array
  numbers?: Record<string, number>
}

/** Either what was asked for, or why this machine has none of it. */
export type Available<T> = { value: T } | { reason: string }

function requestText(request: PeerRequest): string {
  const lines = [`type ${request.type}`]
  for (const map of request.maps ?? [])
    lines.push(`map ${map.type} ${map.keyBytes} ${map.valueBytes} ${map.maxEntries} ${map.flags ?? 0}`)
  request.maps?.forEach(({ content }, number) => {
    if (content) lines.push(`entry ${number} 00000000 ${toHex(content)}`)
  })
  for (const [insns, map, index] of request.stores ?? []) lines.push(`insns ${toHex(insns)}`, `store ${map} ${index}`)
  lines.push(`insns ${toHex(request.insns)}`)
  if (request.btf && request.funcInfo?.length)
    lines.push(`btf ${toHex(request.btf)}`, `func_info ${toHex(request.funcInfo)}`)
  if (request.data) lines.push(`data ${toHex(request.data)}`)
  for (const [name, value] of Object.entries(request.numbers ?? {})) lines.push(`${name} ${value}`)
  return `${lines.join('\n')}\n`
}

function cacheFolder(): string {
  const folder = existsSync(modules) ? join(modules, '.cache', 'bench-peers') : join(tmpdir(), 'smpbpf-bench-peers')
  mkdirSync(folder, { recursive: true })
  return folder
}

const built = new Map<string, Available<string>>()

/**
 * Compiles bench/peers/NAME.c with `cc -O2` unless a build of these very sources is cached.
 * @returns the executable's path, or why there is none
 */
export function buildPeer(name: string): Available<string> {
  let answer = built.get(name)
  if (!answer) {
    answer = compile(name)
    built.set(name, answer)
  }
  return answer
}

function compile(name: string): Available<string> {
  const hash = createHash('sha256').update(process.arch)
  for (const folder of [sources, programs])
    for (const file of readdirSync(folder).sort())
      if (file === `${name}.c` || file.endsWith('.h')) hash.update(file).update(readFileSync(join(folder, file)))
  const program = join(cacheFolder(), `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return { value: program }
  // Renamed into place when complete, so that two runs at once never start half a file.
  const draft = `${program}.${process.pid}`
  const done = spawnSync('cc', ['-O2', '-Wall', '-o', draft, join(sources, `${name}.c`), '-lpthread'], {
    encoding: 'utf8',
  })
  if (done.error) return { reason: `no C compiler (${done.error.message})` }
  if (done.status !== 0) return { reason: `cc cannot build ${name}.c: ${firstLine(done.stderr)}` }
  renameSync(draft, program)
  return { value: program }
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim()) ?? 'no message'
}

/**
 * Runs a peer with `request` and answers its line of JSON, or why it has none (no compiler, no bpf(2), no rights).
 * The event loop keeps turning meanwhile.
 */
export async function runPeer<T>(name: string, request: PeerRequest | string): Promise<Available<T>> {
  const program = buildPeer(name)
  if ('reason' in program) return program
  const child = spawn(program.value, [], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  // A peer that ends before it has read all of its request closes the pipe; its exit says what happened.
  child.stdin.on('error', () => {})
  child.stdin.end(typeof request === 'string' ? request : requestText(request))
  const status = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return parse(name, output, status)
}

function parse<T>(name: string, output: string, status: number | string): Available<T> {
  try {
    const answer = JSON.parse(output) as T & { error?: string }
    return answer.error ? { reason: answer.error } : { value: answer }
  } catch {
    return { reason: `${name} ended with ${status}` }
  }
}
