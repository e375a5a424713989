/**
 * Immediate dominators by Lengauer and Tarjan's algorithm (1979) with path compression, without recursion. Graphs
 * whose blocks all branch to one exit make the simpler iterative algorithms quadratic.
 */

interface Predecessors {
  readonly start: Int32Array
  readonly list: Int32Array
}

function predecessors(blocks: number, taken: Int32Array, fall: Int32Array): Predecessors {
  const start = new Int32Array(blocks + 1)
  for (let b = 0; b < blocks; b++) {
    if (taken[b] >= 0) start[taken[b] + 1]++
    if (fall[b] >= 0) start[fall[b] + 1]++
  }
  for (let b = 0; b < blocks; b++) start[b + 1] += start[b]
  const list = new Int32Array(start[blocks])
  const next = start.slice(0, blocks)
  for (let b = 0; b < blocks; b++) {
    if (taken[b] >= 0) list[next[taken[b]]++] = b
    if (fall[b] >= 0) list[next[fall[b]]++] = b
  }
  return { start, list }
}

interface DepthFirst {
  /** Blocks in preorder, each block's place in it, and its parent in the spanning tree. */
  readonly order: Int32Array
  readonly place: Int32Array
  readonly parent: Int32Array
}

function depthFirst(blocks: number, taken: Int32Array, fall: Int32Array): DepthFirst {
  const order = new Int32Array(blocks)
  const place = new Int32Array(blocks).fill(-1)
  const parent = new Int32Array(blocks)
  // Each block is pushed at most once per incoming edge.
  const stack = new Int32Array(2 * blocks + 1)
  const from = new Int32Array(2 * blocks + 1)
  let depth = 1
  let count = 0
  while (depth > 0) {
    const b = stack[--depth]
    if (place[b] >= 0) continue
    parent[b] = from[depth]
    place[b] = count
    order[count++] = b
    for (const to of [taken[b], fall[b]]) {
      if (to < 0 || place[to] >= 0) continue
      stack[depth] = to
      from[depth++] = b
    }
  }
  return { order, place, parent }
}

/** The forest of Lengauer and Tarjan: finds the block of least semidominator on the way to the root. */
class Forest {
  readonly ancestor: Int32Array
  readonly label: Int32Array
  readonly #path: Int32Array

  constructor(
    blocks: number,
    readonly semi: Int32Array,
  ) {
    this.ancestor = new Int32Array(blocks).fill(-1)
    this.label = Int32Array.from({ length: blocks }, (_, b) => b)
    this.#path = new Int32Array(blocks)
  }

  evaluate(block: number): number {
    const { ancestor, label, semi } = this
    if (ancestor[block] < 0) return block
    const path = this.#path
    let depth = 0
    for (let b = block; ancestor[ancestor[b]] >= 0; b = ancestor[b]) path[depth++] = b
    while (depth > 0) {
      const b = path[--depth]
      const above = ancestor[b]
      if (semi[label[above]] < semi[label[b]]) label[b] = label[above]
      ancestor[b] = ancestor[above]
    }
    return label[block]
  }
}

/** Immediate dominator of each block; entry 0 is its own. Every block must be reachable from block 0. */
export function dominators(blocks: number, taken: Int32Array, fall: Int32Array): Int32Array {
  const { order, place, parent } = depthFirst(blocks, taken, fall)
  const preds = predecessors(blocks, taken, fall)
  const semi = place.slice()
  const idom = new Int32Array(blocks)
  const forest = new Forest(blocks, semi)
  // Buckets as linked lists: blocks whose semidominator is b.
  const bucketHead = new Int32Array(blocks).fill(-1)
  const bucketNext = new Int32Array(blocks).fill(-1)
  for (let i = blocks - 1; i > 0; i--) {
    const w = order[i]
    for (let p = preds.start[w]; p < preds.start[w + 1]; p++) {
      const u = forest.evaluate(preds.list[p])
      if (semi[u] < semi[w]) semi[w] = semi[u]
    }
    const bucket = order[semi[w]]
    bucketNext[w] = bucketHead[bucket]
    bucketHead[bucket] = w
    const above = parent[w]
    forest.ancestor[w] = above
    for (let v = bucketHead[above]; v >= 0; v = bucketNext[v]) {
      const u = forest.evaluate(v)
      idom[v] = semi[u] < semi[v] ? u : above
    }
    bucketHead[above] = -1
  }
  for (let i = 1; i < blocks; i++) {
    const w = order[i]
    if (idom[w] !== order[semi[w]]) idom[w] = idom[idom[w]]
  }
  idom[0] = 0
  return idom
}
