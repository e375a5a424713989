/** How readers of files say no: a value, never an exception that leaves the module. */

/** Why something was refused: a negative errno and a sentence that names the place. */
export interface Failure {
  readonly errno: number
  readonly message: string
}

/** Carries a failure out of nested parsing code; caught by `attempt`. */
export class Refusal extends Error {
  constructor(
    readonly errno: number,
    message: string,
  ) {
    super(message)
  }
}

/** Gives up with `-errno`. */
export function refuse(errno: number, message: string): never {
  throw new Refusal(-errno, message)
}

/** Runs `parse`; a refusal inside becomes a Failure, anything else is a defect and passes through. */
export function attempt<T>(parse: () => T): T | Failure {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Refusal) return { errno: error.errno, message: error.message }
    throw error
  }
}

/** Whether `result` is a refusal rather than a value. */
export function isFailure(result: unknown): result is Failure {
  return (
    typeof result === 'object' &&
    result !== null &&
    typeof (result as Failure).errno === 'number' &&
    typeof (result as Failure).message === 'string'
  )
}
