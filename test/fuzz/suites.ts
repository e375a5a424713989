import { isaSuite } from './isa.js'
import type { FuzzSuite } from './run.js'
import { structureSuite } from './structure.js'

/** Every fuzzing suite, one line each. */
export const fuzzSuites: readonly FuzzSuite[] = [isaSuite, structureSuite]
