import { fileURLToPath } from 'node:url'

/** Path of a BPF object of test/programs, from the sources and from dist alike. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`../${inDist() ? '../' : ''}test/programs/${name}`, import.meta.url))
}

function inDist(): boolean {
  return import.meta.url.includes('/dist/test/')
}
