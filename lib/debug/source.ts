/** Where an instruction comes from: line information as the loader keeps it, "file.c:12: text" by instruction. */

type Lines = readonly (readonly [number, string])[]

const LINE = /^(.*?):(\d+): ?(.*)$/

/** The entry for `insn`, or null: entries hold up to the next one. */
export function entryAt(entries: Lines, insn: number): string | null {
  let found: string | null = null
  for (const [first, text] of entries) {
    if (first > insn) break
    found = text
  }
  return found
}

interface Position {
  readonly file: string
  readonly line: number
}

function positionOf(text: string): Position | null {
  const match = LINE.exec(text)
  return match && { file: match[1], line: Number(match[2]) }
}

/** First instructions of a source line, one for each run of entries of that line; `file`: a path or the end of one. */
export function insnsOfLine(lines: Lines, line: number, file?: string): number[] {
  const found: number[] = []
  let inside = false
  for (const [insn, text] of lines) {
    const at = positionOf(text)
    const inFile = file === undefined || at?.file === file || at?.file.endsWith(`/${file}`)
    const here = at?.line === line && inFile === true
    if (here && !inside) found.push(insn)
    inside = here
  }
  return found
}
