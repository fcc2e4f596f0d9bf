import { plain } from '../format'
import type { TrialRow, Trials } from '../types'

/** Measure is a number that trials are compared by. */
export interface Measure {
  name: string
  unit: string | undefined
  /** More is better. */
  maximized: boolean
}

/** measures are those that at least one trial has, the sweep's objectives first. */
export function measures(t: Trials): Measure[] {
  const place = (name: string) => ((t.objectives ?? []).indexOf(name) + 1 || 100)
  return (t.columns ?? [])
    .filter((c) => t.trials?.some((r) => r.best?.[c.name] !== undefined))
    .map((c) => ({ name: c.name, unit: c.unit, maximized: /accuracy|sparsity/.test(c.name) }))
    .sort((a, b) => place(a.name) - place(b.name))
}

/** best is the trial that is best by a measure; undefined if none has it. */
export function best(trials: readonly TrialRow[], m: Measure): TrialRow | undefined {
  const sign = m.maximized ? 1 : -1
  return trials.reduce<TrialRow | undefined>((top, t) => {
    const [a, b] = [t.best?.[m.name], top?.best?.[m.name]]
    return a !== undefined && (b === undefined || sign * (a - b) > 0) ? t : top
  }, undefined)
}

/**
 * front is which of the trials no other one beats in both measures; it is
 * drawn anew for the axes that are chosen.
 */
export function front(trials: readonly TrialRow[], x: Measure, y: Measure): TrialRow[] {
  const good = (t: TrialRow, m: Measure) => (t.best?.[m.name] ?? 0) * (m.maximized ? 1 : -1)
  const points = trials.filter((t) => t.best?.[x.name] !== undefined && t.best[y.name] !== undefined)
  points.sort((a, b) => good(b, x) - good(a, x) || good(b, y) - good(a, y))
  // Of those that are equal in x the first is the best; it stays if it beats all that are better in x.
  let top: TrialRow | undefined
  const stays = points.filter((t) => {
    if (top && good(t, y) < good(top, y)) return false
    if (top && good(t, y) === good(top, y) && good(t, x) !== good(top, x)) return false
    top = t
    return true
  })
  return stays.sort((a, b) => (a.best?.[x.name] ?? 0) - (b.best?.[x.name] ?? 0))
}

/**
 * sample is at most so many of the trials, and always those that must be in it.
 * The others are chosen by a hash of their number, so that a trial that is in it
 * stays for as long as there is room.
 */
export function sample(trials: readonly TrialRow[], most: number, must: ReadonlySet<string>): TrialRow[] {
  if (trials.length <= most) return [...trials]
  const hash = (n: number) => Math.imul(n + 1, 0x9e3779b1) >>> 0
  const rest = trials.filter((t) => !must.has(t.run)).sort((a, b) => hash(a.trial) - hash(b.trial))
  const chosen = new Set(rest.slice(0, Math.max(0, most - must.size)))
  return trials.filter((t) => must.has(t.run) || chosen.has(t))
}

/** valueOf is a trial's value of a parameter: a number where it is one. */
export function valueOf(t: TrialRow, path: string): number | string | undefined {
  const v = t.values?.[path]
  if (v === undefined || typeof v === 'number') return v
  const text = String(v)
  const percent = /^(-?[\d.]+(?:e-?\d+)?)\s*%$/i.exec(text)
  if (percent) return Number(percent[1]) / 100
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text
}

/** sayValue is a trial's value of a parameter in words. */
export function sayValue(path: string, v: string | number | boolean | undefined): string {
  if (v === undefined) return '–'
  if (typeof v !== 'number') return String(v)
  return /sparsity|share|dropout/.test(path) && v >= 0 && v <= 1 ? `${Number((100 * v).toPrecision(4))} %` : plain(v)
}

/** shortPath is the end of a path that tells it from the others. */
export function shortPath(path: string, all: readonly string[]): string {
  const parts = path.split('.')
  for (let n = 1; n < parts.length; n++) {
    const end = parts.slice(-n).join('.')
    if (all.filter((p) => p === end || p.endsWith(`.${end}`)).length === 1) return end
  }
  return path
}

/** csv is a table as comma-separated values. */
export function csv(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cell = (v: unknown) => {
    const text = v === undefined || v === null ? '' : String(v)
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [head, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n'
}

/** save gives the reader a file. */
export function save(name: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }))
  link.download = name
  link.click()
  window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
}
