import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** The folder of recorded vectors that may lie beside the repository. */
export const conformanceFolder = join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'conformance')

/** The non-empty lines of a file, unpacked when its name ends in .gz. */
export function readLines(path: string): string[] {
  const bytes = readFileSync(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return text.split('\n').filter((line) => line.trim() !== '')
}
