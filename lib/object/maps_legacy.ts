/**
 * Maps of the old style: `struct bpf_map_def SEC("maps")`. The struct has 20 bytes in libbpf (type, key_size,
 * value_size, max_entries, map_flags), 28 in kernel samples, 36 in iproute2; what lies beyond the first 20 must be zero.
 */
import { EINVAL, ENOTSUP } from '../../shared/uapi/errno.js'
import { LIBBPF_ERRNO__FORMAT } from '../../shared/uapi/libbpf_errno.js'
import * as elf from '../elf/constants.js'
import { refuse } from '../elf/failure.js'
import type { ElfSection, ElfSymbol } from '../elf/parse.js'
import type { Reading } from './context.js'
import { emptyDefinition } from './maps.js'

const KNOWN_BYTES = 20

/** Adds every map of a legacy `maps` section, by place. */
export function readLegacyMaps(reading: Reading, section: ElfSection): void {
  const data = reading.file.data(section)
  const symbols: ElfSymbol[] = []
  for (const symbol of reading.eachSymbol()) {
    if (symbol.section === section.index && symbol.type !== elf.STT_SECTION) symbols.push(symbol)
  }
  if (symbols.length === 0 || data.length === 0 || data.length % symbols.length) {
    refuse(
      EINVAL,
      `elf: unable to determine legacy map definition size in ${reading.name}: ` +
        `section(${section.index}) maps of ${data.length} bytes, ${symbols.length} symbols`,
    )
  }
  const definitionBytes = data.length / symbols.length
  symbols.sort((a, b) => a.value - b.value)
  for (const symbol of symbols) readLegacyMap(reading, section, data, symbol, definitionBytes)
}

function readLegacyMap(
  reading: Reading,
  section: ElfSection,
  data: Uint8Array,
  symbol: ElfSymbol,
  definitionBytes: number,
): void {
  const name = reading.symbolName(symbol)
  if (name === null) {
    refuse(LIBBPF_ERRNO__FORMAT, `failed to get map #${symbol.index} name sym string for obj ${reading.name}`)
  }
  if (symbol.binding === elf.STB_LOCAL) refuse(ENOTSUP, `map '${name}' (legacy): static maps are not supported`)
  if (symbol.value + definitionBytes > data.length) {
    refuse(
      EINVAL,
      `corrupted maps section in ${reading.name}: last map "${name}" too small (offset ${symbol.value}, section of ${data.length} bytes)`,
    )
  }
  const end = symbol.value + definitionBytes
  for (let at = symbol.value + KNOWN_BYTES; at < end; at++) {
    if (data[at] !== 0) {
      refuse(
        EINVAL,
        `maps section in ${reading.name}: "${name}" has unrecognized, non-zero options (section(${section.index}) offset ${at})`,
      )
    }
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const word = (index: number) =>
    4 * index + 4 <= definitionBytes ? view.getUint32(symbol.value + 4 * index, true) : 0
  reading.maps.push({
    ...emptyDefinition(),
    type: word(0),
    keyBytes: word(1),
    valueBytes: word(2),
    maxEntries: word(3),
    flags: word(4),
    name,
    kernelName: name,
    origin: 'legacy',
    section: 'maps',
    sectionIndex: section.index,
    offset: symbol.value,
    inner: null,
    slots: [],
    content: null,
  })
}
