/** libbpf_*: CPUs, version, and what a section's name means. */
import { EINVAL, ESRCH } from '../../shared/uapi/errno.js'
import { matchSection, SEC_ATTACHABLE, sectionDefinitions } from '../object/sections.js'
import { currentKernel } from '../syscall/current.js'
import { intResult } from './errno.js'
import { debug } from './print.js'

/** The version of libbpf whose interface this is. */
const MAJOR = 1
const MINOR = 8

/** A one-element array for a scalar out-parameter. */
export type Out = Int32Array | Uint32Array | number[]

/** Fills an out-parameter, if it is one. */
export function store<T>(out: { [index: number]: T } | null, value: T): void {
  if (out !== null && typeof out === 'object') out[0] = value
}

export function libbpf_major_version(): number {
  return MAJOR
}

export function libbpf_minor_version(): number {
  return MINOR
}

export function libbpf_version_string(): string {
  return `v${MAJOR}.${MINOR}`
}

/** CPUs that per-CPU values have room for. Boots the default machine when there is none. */
export function libbpf_num_possible_cpus(): number {
  return currentKernel().machine.cpusPossible
}

/** Nothing is charged to RLIMIT_MEMLOCK here: 0. */
export function libbpf_set_memlock_rlim(_memlock_bytes: number): number {
  return 0
}

/** libbpf 1.x has one mode: 0. */
export function libbpf_set_strict_mode(_mode: number): number {
  return 0
}

function listSections(attachableOnly: boolean): string {
  const names = sectionDefinitions
    .filter((definition) => !attachableOnly || definition.flags & SEC_ATTACHABLE)
    .map((definition) => definition.pattern)
  return names.map((name) => ` ${name}`).join('')
}

/** What program and attach type SEC(name) means: 0 and the two numbers, -EINVAL for null, -ESRCH. */
export function libbpf_prog_type_by_name(name: string, prog_type: Out, expected_attach_type: Out): number {
  if (typeof name !== 'string') return intResult(-EINVAL)
  const definition = matchSection(name)
  if (definition !== null) {
    store(prog_type, definition.programType)
    store(expected_attach_type, definition.attachType)
    return 0
  }
  debug(`failed to guess program type from ELF section '${name}'`)
  debug(`supported section(type) names are:${listSections(false)}`)
  return intResult(-ESRCH)
}

/** What attach type SEC(name) means, for BPF_PROG_ATTACH: 0 and the number, or -EINVAL. */
export function libbpf_attach_type_by_name(name: string, attach_type: Out): number {
  if (typeof name !== 'string') return intResult(-EINVAL)
  const definition = matchSection(name)
  if (definition === null) {
    debug(`failed to guess attach type based on ELF section name '${name}'`)
    debug(`attachable section(type) names are:${listSections(true)}`)
    return intResult(-EINVAL)
  }
  if (!(definition.flags & SEC_ATTACHABLE)) return intResult(-EINVAL)
  store(attach_type, definition.attachType)
  return 0
}
