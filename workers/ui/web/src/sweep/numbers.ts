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
  const better = (a: number, b: number, m: Measure) => (m.maximized ? a - b : b - a)
  const points = trials.filter((t) => t.best?.[x.name] !== undefined && t.best[y.name] !== undefined)
  const beaten = (t: TrialRow) => points.some((o) => {
    const dx = better(o.best?.[x.name] ?? 0, t.best?.[x.name] ?? 0, x)
    const dy = better(o.best?.[y.name] ?? 0, t.best?.[y.name] ?? 0, y)
    return dx >= 0 && dy >= 0 && dx + dy > 0
  })
  return points.filter((t) => !beaten(t)).sort((a, b) => (a.best?.[x.name] ?? 0) - (b.best?.[x.name] ?? 0))
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
