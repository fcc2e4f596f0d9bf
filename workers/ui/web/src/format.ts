import type { View } from './types'

const dash = '–'

/** percent is a share 0..1 as people read it. */
export function percent(share: number | undefined, digits = 2): string {
  return share === undefined || !Number.isFinite(share) ? dash : `${(100 * share).toFixed(digits)} %`
}

/** points is a difference of two shares. */
export function points(difference: number): string {
  return `${difference < 0 ? '−' : '+'}${Math.abs(100 * difference).toFixed(2)} points`
}

const siSteps: [number, string][] = [[1e12, 'T'], [1e9, 'G'], [1e6, 'M'], [1e3, 'k']]

function scaled(n: number, unit: string): string {
  for (const [size, prefix] of siSteps) {
    if (Math.abs(n) >= size * 0.9995) {
      const value = n / size
      return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${prefix}${unit}`
    }
  }
  return `${Number.isInteger(n) ? n : Number(n.toPrecision(3))}${unit === '' ? '' : ` ${unit}`}`
}

/** bytes is a number of bytes in decimal units. */
export function bytes(n: number | undefined): string {
  return n === undefined || !Number.isFinite(n) ? dash : scaled(n, 'B')
}

/** count is a number of weights, multiply-adds or images. */
export function count(n: number | undefined): string {
  return n === undefined || !Number.isFinite(n) ? dash : scaled(n, '').trim()
}

/** plain is a number with as many digits as say something. */
export function plain(n: number | undefined): string {
  if (n === undefined || !Number.isFinite(n)) return dash
  if (Number.isInteger(n)) return n.toLocaleString('en')
  return String(Number(n.toPrecision(4)))
}

/** seconds is a length of time from nanoseconds' size to days. */
export function seconds(s: number | undefined): string {
  if (s === undefined || !Number.isFinite(s)) return dash
  if (s === 0) return '0 s'
  if (s < 1e-3) return `${(s * 1e6).toFixed(s < 1e-4 ? 1 : 0)} µs`
  if (s < 1) return `${(s * 1e3).toFixed(s < 0.01 ? 2 : s < 0.1 ? 1 : 0)} ms`
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`
}

/** ago is how long ago a time was. */
export function ago(time: string | undefined, now: number): string {
  if (!time) return dash
  const s = (now - Date.parse(time)) / 1000
  if (s < 5) return 'just now'
  if (s < 60) return `${Math.floor(s)} s ago`
  if (s < 3600) return `${Math.floor(s / 60)} min ago`
  if (s < 86400) return `${Math.floor(s / 3600)} h ago`
  return `${Math.floor(s / 86400)} d ago`
}

/** clock is a time of day with its date, in the reader's zone. */
export function clock(time: string | undefined): string {
  if (!time) return dash
  const d = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

/** short is how a digest or a key is shown. */
export function short(digest: string | undefined): string {
  return digest ? digest.replace(/^sha256:/, '').slice(0, 12) : dash
}

/** times is how many times smaller or faster. */
export function times(n: number | undefined): string {
  return n === undefined || !Number.isFinite(n) ? dash : `${n < 10 ? n.toFixed(2) : n.toFixed(1)}×`
}

/** number shows a value in the unit that a column has. */
export function inUnit(value: number | undefined, name: string, unit: string | undefined): string {
  if (value === undefined) return dash
  if (/accuracy|sparsity|share/.test(name)) return percent(value)
  if (unit === 'bytes' || unit === 'B' || /bytes|size/.test(name)) return bytes(value)
  if (unit === 's' || /latency|seconds/.test(name)) return seconds(value)
  if (/macs|weights|parameters/i.test(name)) return count(value)
  return plain(value)
}

/** share is how much of its way a run has gone, 0..1. */
export function share(v: View): number {
  if (v.state === 'done') return 1
  const { pass, passes } = v.summary
  if (v.kind === 'sweep') return passes > 0 ? pass / passes : 0
  const p = v.step?.progress
  let units = pass
  if (p) {
    const epochs = (p.cursor?.epoch ?? 0) + (p.batches ? (p.cursor?.batch ?? 0) / p.batches : 0)
    units = p.pass + (p.epochs ? Math.min(1, epochs / p.epochs) : 0)
  }
  return Math.min(1, units / (passes + 1))
}

/**
 * eta is how many seconds a run goes on if it goes on as it went so far;
 * undefined while that says nothing.
 */
export function eta(v: View, now: number): number | undefined {
  const gone = share(v)
  if (v.state !== 'running' || gone < 0.02 || gone >= 1) return undefined
  return ((now - Date.parse(v.started)) / 1000) * (1 - gone) / gone
}

/** spent is how many seconds a run took, or takes so far. */
export function spent(v: View, now: number): number {
  return ((v.closed ? Date.parse(v.closed) : now) - Date.parse(v.started)) / 1000
}

/** kindOf is the word for what a view is of. */
export function kindOf(v: View): string {
  return v.kind === 'sensitivity' ? 'scan' : (v.kind ?? 'run')
}

const activities: Record<string, string> = {
  Prepare: 'prepare data', Finetune: 'fine-tune', Layers: 'list layers', Record: 'write record', External: 'train outside',
}

/** activityName is an activity's wire name in a word or two. */
export function activityName(name: string): string {
  return activities[name] ?? name.toLowerCase()
}
