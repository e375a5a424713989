/** Numbers of elf.h that BPF objects use. */

export const EI_CLASS = 4
export const EI_DATA = 5
export const EI_VERSION = 6
export const ELFCLASS32 = 1
export const ELFCLASS64 = 2
export const ELFDATA2LSB = 1
export const ELFDATA2MSB = 2
export const EV_CURRENT = 1

export const ET_REL = 1
export const EM_NONE = 0
export const EM_BPF = 247

export const SHT_NULL = 0
export const SHT_PROGBITS = 1
export const SHT_SYMTAB = 2
export const SHT_STRTAB = 3
export const SHT_RELA = 4
export const SHT_NOBITS = 8
export const SHT_REL = 9
export const SHT_LLVM_ADDRSIG = 0x6fff4c03

export const SHF_EXECINSTR = 4
export const SHF_COMPRESSED = 0x800

export const SHN_UNDEF = 0
export const SHN_LORESERVE = 0xff00
export const SHN_XINDEX = 0xffff

export const STT_NOTYPE = 0
export const STT_OBJECT = 1
export const STT_FUNC = 2
export const STT_SECTION = 3
export const STT_FILE = 4

export const STB_LOCAL = 0
export const STB_GLOBAL = 1
export const STB_WEAK = 2

export const STV_INTERNAL = 1
export const STV_HIDDEN = 2

/** Sizes of the ELF64 structures, in bytes. */
export const EHDR_BYTES = 64
export const SHDR_BYTES = 64
export const SYM_BYTES = 24
export const REL_BYTES = 16
export const RELA_BYTES = 24
