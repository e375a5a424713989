/** Spread of one side's rounds. */
export interface Summary {
  min: number
  median: number
  max: number
  rounds: number
}

export function summarise(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { min: sorted[0], median, max: sorted[sorted.length - 1], rounds: sorted.length }
}

/** Measures one round and answers its figure; null means that this side has none on this machine. */
export type Side = (round: number) => Promise<number | null> | number | null

/**
 * Measures all sides in turn, A B C A B C ..., so that a slow phase of the machine hits each of them alike.
 * A side that answers null is dropped.
 */
export async function alternate<Name extends string>(
  sides: Record<Name, Side | null>,
  rounds: number,
): Promise<Partial<Record<Name, Summary>>> {
  const names = Object.keys(sides) as Name[]
  const live = new Set(names.filter((name) => sides[name] !== null))
  const values = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      if (!live.has(name)) continue
      const value = await sides[name]!(round)
      if (value === null) live.delete(name)
      else values.get(name)!.push(value)
    }
  }
  const result: Partial<Record<Name, Summary>> = {}
  for (const name of live) result[name] = summarise(values.get(name)!)
  return result
}
