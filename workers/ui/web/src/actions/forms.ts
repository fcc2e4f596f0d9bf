import type { View } from '../types'

export type Action = 'pause' | 'resume' | 'cancel' | 'retry' | 'extend' | 'fork' | 'change' | 'note' | 'tag'

export interface Field {
  name: string
  label: string
  kind: 'text' | 'number' | 'check' | 'lines' | 'words'
  hint?: string
  needed?: boolean
  least?: number
  most?: number
  /** What it holds at first. */
  begin?: string
}

export interface Form {
  title: string
  /** What is about to happen, in a sentence. */
  says: (v: View) => string
  button: string
  fields: (v: View) => Field[]
  /** It takes something away. */
  grave?: boolean
}

const sweep = (v: View) => v.kind === 'sweep'
const thing = (v: View) => (sweep(v) ? 'sweep' : v.kind === 'sensitivity' ? 'scan' : 'run')

const settings: Field = { name: 'set', label: 'Settings', kind: 'lines', hint: 'PATH=VALUE, one a line, such as prune.schedule.target.sparsity=95%' }

/** why is asked with every action but those that are words themselves. */
export const why: Field = { name: 'note', label: 'Why', kind: 'text', hint: 'for the logbook; may be left out' }

/** forms are what each action asks for, as docs/control.md has them. */
export const forms: Record<Action, Form> = {
  pause: {
    title: 'Pause', button: 'Pause it', fields: () => [],
    says: (v) => `The step under way saves a checkpoint and its worker is free${sweep(v) ? '; so do all its trials' : ''}.`,
  },
  resume: { title: 'Resume', button: 'Let it go on', fields: () => [], says: () => 'It goes on from its newest checkpoint, with the same bits as if it had never stopped.' },
  cancel: {
    title: 'Cancel', button: 'End it', grave: true,
    says: (v) => `The ${thing(v)} ends after its step has saved a checkpoint. What was finished stays, and a retry goes on from there.`,
    fields: () => [{ name: 'discard', label: 'and forget it', kind: 'check', hint: 'at once: its record is dropped, and what nothing else refers to is left for garbage collection' }],
  },
  retry: {
    title: 'Retry', button: 'Try again',
    says: (v) => (sweep(v) ? 'Failed trials are tried again from their finished steps.' : 'It goes on from its finished steps.'),
    fields: (v) => (sweep(v) ? [{ name: 'trials', label: 'Trials', kind: 'words', hint: 'numbers; none is all that failed' }] : []),
  },
  extend: {
    title: 'Extend', button: 'Extend it',
    says: (v) => (sweep(v) ? 'The sweep goes on with more trials.' : 'A new run with more passes shares all steps of this one.'),
    fields: (v) => [
      { name: sweep(v) ? 'trials' : 'passes', label: sweep(v) ? 'Trials in all' : 'Passes in all', kind: 'number', needed: true, least: v.summary.passes + 1, most: 1_000_000, begin: String(v.summary.passes + 1) },
      ...(sweep(v) ? [] : [settings]),
    ],
  },
  fork: {
    title: 'Fork', button: 'Fork it',
    says: () => 'A new run begins with the network of a pass of this one, with settings changed.',
    fields: () => [
      { name: 'from', label: 'From', kind: 'text', needed: true, hint: 'a pass (0 is dense), or the digest of a checkpoint' },
      settings,
    ],
  },
  change: {
    title: 'Change', button: 'Change it',
    says: () => 'Holds from now on; a step under way saves a checkpoint first where its priority changes.',
    fields: (v) => [
      ...(sweep(v) ? [{ name: 'concurrency', label: 'Trials at a time', kind: 'number', least: 1, most: 10_000 } as const] : []),
      { name: 'priority', label: 'Priority', kind: 'number', least: 1, most: 5, hint: '1 comes first, 5 last' },
    ],
  },
  note: { title: 'Note', button: 'Write it', says: () => 'Written into the logbook, with your name and the time.', fields: () => [{ name: 'text', label: 'Note', kind: 'text', needed: true }] },
  tag: {
    title: 'Tag', button: 'Save', says: () => 'Tags are words to find it by.',
    fields: () => [{ name: 'tags', label: 'Tags', kind: 'words', hint: 'with spaces between them' }],
  },
}

/** allowed are the actions that a state has a use for, the likeliest first. */
export function allowed(v: View): Action[] {
  const both: Action[] = ['note', 'tag']
  const scan = v.kind === 'sensitivity'
  const trial = v.kind === 'trial'
  switch (v.state) {
    case 'running':
      return ['pause', 'cancel', ...(sweep(v) ? ['retry', 'extend'] as const : scan ? [] : ['fork'] as const), 'change', ...both]
    case 'paused':
      return ['resume', 'cancel', ...(scan ? [] : ['change'] as const), ...both]
    case 'done':
      return sweep(v) ? ['retry', 'extend', ...both] : scan ? both : ['extend', 'fork', ...both]
    default:
      return [...(trial ? [] : ['retry'] as const), ...both]
  }
}

/** body is what is sent; values are as the fields hold them. */
export function body(action: Action, v: View, values: Record<string, string | boolean>): Record<string, unknown> {
  const note = String(values['note'] ?? '').trim()
  return { ...own(action, v, values), ...(note === '' ? {} : { note }) }
}

function own(action: Action, v: View, values: Record<string, string | boolean>): Record<string, unknown> {
  const text = (name: string) => String(values[name] ?? '').trim()
  const words = (name: string) => text(name).split(/[\s,]+/).filter((w) => w !== '')
  const lines = (name: string) => text(name).split('\n').map((l) => l.trim()).filter((l) => l !== '')
  const numbers = (...names: string[]) => Object.fromEntries(names.filter((n) => text(n) !== '').map((n) => [n, Number(text(n))]))
  switch (action) {
    case 'cancel':
      return { discard: values['discard'] === true }
    case 'retry':
      return words('trials').length > 0 ? { trials: words('trials').map(Number) } : {}
    case 'extend':
      return { ...numbers('passes', 'trials'), ...(sweep(v) ? {} : { set: lines('set') }) }
    case 'fork':
      return { from: text('from'), set: lines('set') }
    case 'change':
      return numbers('concurrency', 'priority')
    case 'note':
      return { text: text('text') }
    case 'tag': {
      const before = v.tags ?? []
      const after = words('tags')
      return { add: after.filter((t) => !before.includes(t)), remove: before.filter((t) => !after.includes(t)) }
    }
    default:
      return {}
  }
}
