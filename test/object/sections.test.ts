import { expect, it } from 'vitest'
import { matchSection, SEC_SLEEPABLE, sectionDefinitions } from '#lib/object/sections.js'
import * as bpf from '#shared/uapi/bpf.js'

it('has libbpf’s 116 definitions, each reachable by its own name', () => {
  expect(sectionDefinitions.length).toBe(116)
  for (const { pattern } of sectionDefinitions) {
    const name = pattern.endsWith('+') ? `${pattern.slice(0, -1)}/x` : pattern
    expect(matchSection(name)?.pattern).toBe(pattern)
  }
})

it('wants a slash between name and target, and none where there is no target', () => {
  expect(matchSection('kprobe/vfs_read')).toMatchObject({ programType: bpf.BPF_PROG_TYPE_KPROBE, target: 'vfs_read' })
  expect(matchSection('kprobe')).toMatchObject({ target: '' })
  expect(matchSection('kprobes/vfs_read')).toBeNull()
  expect(matchSection('xdp/anything')).toBeNull()
  expect(matchSection('xdp_anything')).toBeNull()
  expect(matchSection('')).toBeNull()
  expect(matchSection('tp/sched/sched_switch')).toMatchObject({ attach: 'tp', target: 'sched/sched_switch' })
})

it('tells attach types and sleepable programs apart', () => {
  expect(matchSection('fentry.s/do_unlinkat')).toMatchObject({ attachType: bpf.BPF_TRACE_FENTRY, attach: 'trace' })
  expect(matchSection('fentry.s/do_unlinkat')!.flags & SEC_SLEEPABLE).toBe(SEC_SLEEPABLE)
  expect(matchSection('fentry/do_unlinkat')!.flags & SEC_SLEEPABLE).toBe(0)
  expect(matchSection('cgroup/connect6')).toMatchObject({ attachType: bpf.BPF_CGROUP_INET6_CONNECT })
})
