import { insnSuite } from './insn.js'
import { mapCreateSuite } from './map_create.js'
import type { Suite } from './report.js'

/** Every conformance suite, one line each. */
export const suites: readonly Suite[] = [insnSuite, mapCreateSuite]
