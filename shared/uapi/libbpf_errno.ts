/** libbpf's own error numbers, above the system's (enum libbpf_errno of bpf/libbpf.h), and their texts. */

export const LIBBPF_ERRNO__LIBELF = 4000
export const LIBBPF_ERRNO__FORMAT = 4001
export const LIBBPF_ERRNO__KVERSION = 4002
export const LIBBPF_ERRNO__ENDIAN = 4003
export const LIBBPF_ERRNO__INTERNAL = 4004
export const LIBBPF_ERRNO__RELOC = 4005
export const LIBBPF_ERRNO__LOAD = 4006
export const LIBBPF_ERRNO__VERIFY = 4007
export const LIBBPF_ERRNO__PROG2BIG = 4008
export const LIBBPF_ERRNO__KVER = 4009
export const LIBBPF_ERRNO__PROGTYPE = 4010
export const LIBBPF_ERRNO__WRNGPID = 4011
export const LIBBPF_ERRNO__INVSEQ = 4012
export const LIBBPF_ERRNO__NLPARSE = 4013
export const __LIBBPF_ERRNO__START = 4000
export const __LIBBPF_ERRNO__END = 4014

const texts: Readonly<Record<number, string>> = {
  [LIBBPF_ERRNO__LIBELF]: 'Something wrong in libelf',
  [LIBBPF_ERRNO__FORMAT]: 'BPF object format invalid',
  [LIBBPF_ERRNO__KVERSION]: "'version' section incorrect or lost",
  [LIBBPF_ERRNO__ENDIAN]: 'Endian mismatch',
  [LIBBPF_ERRNO__INTERNAL]: 'Internal error in libbpf',
  [LIBBPF_ERRNO__RELOC]: 'Relocation failed',
  [LIBBPF_ERRNO__VERIFY]: 'Kernel verifier blocks program loading',
  [LIBBPF_ERRNO__PROG2BIG]: 'Program too big',
  [LIBBPF_ERRNO__KVER]: 'Incorrect kernel version',
  [LIBBPF_ERRNO__PROGTYPE]: "Kernel doesn't support this program type",
  [LIBBPF_ERRNO__WRNGPID]: 'Wrong pid in netlink message',
  [LIBBPF_ERRNO__INVSEQ]: 'Invalid netlink sequence',
  [LIBBPF_ERRNO__NLPARSE]: 'Incorrect netlink message parsing',
}

/** The text of one of libbpf's own errors (positive number), or undefined for one without a text. */
export function libbpfErrorText(error: number): string | undefined {
  return texts[error]
}
