/** BPF_MAP_CREATE requests and what Linux answered: each is judged by the checks that creation itself makes. */

import { FileTable } from '#lib/syscall/files.js'
import { checkCreation, type MapCreateAttr } from '#lib/syscall/map_create.js'
import { mapTypeOf } from '#shared/maps/registry.js'
import { errnoName } from '#shared/uapi/errno.js'
import { type Report, type Suite, Tally } from '#test/conformance/report.js'

/** One line: a kind of row, then map type, key size, value size, max entries, flags and the answer. */
const COLUMNS = 7

interface Counted {
  agree: number
  total: number
}

/** `by_answer`: of the rows with each of Linux's answers, how many agree. `unrunnable`: allowed, but -EOPNOTSUPP here. */
export interface MapCreateReport extends Report {
  readonly by_answer: Record<string, Counted>
  readonly unrunnable: { readonly map_type: number; readonly rows: number }[]
}

const named = (answer: number): string => (answer < 0 ? `-${errnoName(-answer)}` : String(answer))

/** What is wrong with a row as data, or null. */
function malformed(fields: readonly string[]): string | null {
  if (fields.length !== COLUMNS) return `${fields.length} columns instead of ${COLUMNS}`
  return fields.slice(1).every((field) => /^-?\d+$/.test(field)) ? null : 'a column is no number'
}

export const mapCreateSuite: Suite = {
  name: 'map-create',
  what: 'BPF_MAP_CREATE requests, by the answers of Linux 6.18',
  data: '../reference/map_create_matrix.tsv.gz',
  run(lines): MapCreateReport {
    const tally = new Tally()
    const byAnswer: Record<string, Counted> = {}
    const unrunnable = new Map<number, number>()
    const files = new FileTable()
    for (const [index, line] of lines.entries()) {
      const fields = line.split('\t')
      const id = `${index + 1}: ${fields.slice(0, -1).join(' ')}`
      const why = malformed(fields)
      if (why) {
        tally.skip(id, why)
        continue
      }
      const [map_type, key_size, value_size, max_entries, map_flags, expected] = fields.slice(1).map(Number)
      const request: MapCreateAttr = { map_type, key_size, value_size, max_entries, map_flags }
      const got = checkCreation(files, request)
      const count = byAnswer[named(expected)] ?? { agree: 0, total: 0 }
      byAnswer[named(expected)] = count
      count.total++
      if (got !== expected) {
        const cause = `map type ${map_type}`
        tally.differ({ id, expected: named(expected), got: named(got), cause })
        continue
      }
      count.agree++
      tally.agree()
      if (got === 0 && !mapTypeOf(map_type)) unrunnable.set(map_type, (unrunnable.get(map_type) ?? 0) + 1)
    }
    const rows = [...unrunnable].map(([map_type, rows]) => ({ map_type, rows }))
    return { ...tally.report('map-create'), by_answer: byAnswer, unrunnable: rows }
  },
}
