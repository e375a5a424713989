/** Damaged objects get libbpf's answers. */
import { describe, expect, it } from 'vitest'
import { isFailure } from '#lib/elf/failure.js'
import { readObject } from '#lib/object/read.js'
import { applyDamage, damages } from '#test/object/damages.js'
import { programBytes } from '#test/object/support.js'

describe('damaged objects', () => {
  const original = programBytes('compilers/clang-14')

  it.each(damages.map((damage) => [damage.name, damage] as const))('%s', (_, damage) => {
    const result = readObject(applyDamage(original, damage), { name: 'damaged' })
    expect(isFailure(result) ? result.errno : 0).toBe(damage.errno)
    if (isFailure(result)) expect(result.message).toMatch(/\w/)
  })

  it('names section and offset', () => {
    const far = damages.find(({ name }) => name === `xdp header offset = ${2 ** 52}`)!
    const result = readObject(applyDamage(original, far), { name: 'damaged' })
    expect(result).toMatchObject({
      message: expect.stringMatching(
        /section\(\d+\) xdp .*offset 0x10000000000000, size 0x[0-9a-f]+, file of \d+ bytes/,
      ),
    })
  })

  it('refuses a big-endian object', () => {
    expect(readObject(programBytes('big_endian'))).toMatchObject({
      errno: -4003,
      message: expect.stringMatching(/endianness mismatch/),
    })
  })

  it('gives the same answer twice', () => {
    for (const damage of damages) {
      const bytes = applyDamage(original, damage)
      const [one, two] = [readObject(bytes, { name: 'x' }), readObject(bytes, { name: 'x' })]
      expect(two).toEqual(one)
    }
  })
})
