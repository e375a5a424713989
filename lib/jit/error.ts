/** A program that cannot be compiled: structural checks were not passed, or something it needs does not exist here. */
export class JitError extends Error {
  constructor(
    readonly insn: number,
    /** Negative errno. */
    readonly errno: number,
    message: string,
  ) {
    super(`insn ${insn}: ${message}`)
  }
}
