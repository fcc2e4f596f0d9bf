import { useRef } from 'preact/hooks'
import { inUnit } from '../format'
import type { TrialRow, Trials } from '../types'
import { Chart, type ECharts, type Ink } from '../ui/Chart'
import { type Measure, sayValue, shortPath, valueOf } from './numbers'

interface Props {
  data: Trials
  measures: Measure[]
  onBrush: (runs: ReadonlySet<string> | undefined) => void
}

/** Parallel has an axis a parameter and measure, and a line a trial. */
export function Parallel({ data, measures, onBrush }: Props) {
  const paths = data.parameters ?? []
  const last = measures.at(-1)
  const trials = (data.trials ?? []).filter((t) => measures.every((m) => t.best?.[m.name] !== undefined))
  const latest = useRef(trials)
  latest.current = trials
  const onReady = (c: ECharts) => {
    c.on('axisareaselected', () => {
      const model = (c as unknown as Model).getModel().getSeriesByIndex(0)
      const active = model.getRawIndicesByActiveState('active')
      const any = model.getRawIndicesByActiveState('normal').length === 0
      onBrush(any ? new Set(active.map((i) => latest.current[i]?.run ?? '')) : undefined)
    })
  }
  if (!last || trials.length === 0) return <p class="empty">No trial has been evaluated yet.</p>
  return (
    <Chart
      label={`parameters of ${trials.length} trials: ${paths.join(', ')}, with ${measures.map((m) => m.name).join(' and ')}`}
      height={334} of={[data, measures.map((m) => m.name).join(' ')]} onReady={onReady} option={(c) => option(c, trials, paths, measures, last)}
    />
  )
}

/** Model is the part of ECharts' inner model that says which lines an axis keeps. */
interface Model {
  getModel(): { getSeriesByIndex(i: number): { getRawIndicesByActiveState(state: 'active' | 'inactive' | 'normal'): number[] } }
}

function option(c: Ink, trials: readonly TrialRow[], paths: readonly string[], measures: readonly Measure[], last: Measure) {
  const values = paths.map((p) => trials.map((t) => valueOf(t, p)))
  const choices = values.map((column) => [...new Set(column)].sort(ascending))
  const category = choices.map((c, i) => c.length <= few || (values[i] ?? []).some((v) => typeof v === 'string'))
  const look = { nameTextStyle: { color: c.dim, fontSize: 11 }, axisLine: { lineStyle: { color: c.dim } }, axisTick: { lineStyle: { color: c.line } }, axisLabel: { color: c.text, fontSize: 11 }, areaSelectStyle: { color: c.accent, opacity: 0.25, width: 14 } }
  const score = trials.map((t) => t.best?.[last.name] ?? 0)
  const [low, high] = [Math.min(...score), Math.max(...score)]
  return {
    parallel: { left: 44, right: 60, top: 40, bottom: 24, parallelAxisDefault: look },
    parallelAxis: [
      ...paths.map((p, i) => ({
        dim: i, name: shortPath(p, paths), ...look,
        ...(category[i] ? { type: 'category', data: (choices[i] ?? []).map((v) => sayValue(p, v)) } : { type: 'value', scale: true, axisLabel: { ...look.axisLabel, formatter: (v: number) => sayValue(p, v) } }),
      })),
      ...measures.map((m, i) => ({ dim: paths.length + i, name: m.name, ...look, type: 'value', scale: true, axisLabel: { ...look.axisLabel, formatter: (v: number) => inUnit(v, m.name, m.unit) } })),
    ],
    series: [{
      type: 'parallel', smooth: 0.15, inactiveOpacity: 0.06, activeOpacity: 0.9,
      lineStyle: { width: 1.5, opacity: 0.7 },
      data: trials.map((t, n) => ({
        name: `trial ${t.trial}`,
        value: [...values.map((column, i) => (category[i] ? sayValue(paths[i] ?? '', column[n]) : column[n])), ...measures.map((m) => t.best?.[m.name])],
        lineStyle: { color: blend(c.series[4] ?? '', c.accent, high > low ? ((score[n] ?? low) - low) / (high - low) : 1) },
      })),
    }],
  }
}

/** few is up to how many numbers each has a place of its own, as words do. */
const few = 8

function ascending(a: number | string | undefined, b: number | string | undefined): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true })
}

/** blend is a colour between two of the form #rrggbb. */
function blend(from: string, to: string, share: number): string {
  const parts = (s: string) => [1, 3, 5].map((i) => Number.parseInt(s.slice(i, i + 2), 16))
  const b = parts(to)
  return `rgb(${parts(from).map((v, i) => Math.round(v + ((b[i] ?? v) - v) * share)).join(',')})`
}
