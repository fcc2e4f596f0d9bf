import { useEffect, useMemo, useRef } from 'preact/hooks'
import { inUnit } from '../format'
import type { TrialRow, Trials } from '../types'
import { Chart, type ECharts, type Ink } from '../ui/Chart'
import { type Measure, sample, sayValue, shortPath, valueOf } from './numbers'

interface Props {
  data: Trials
  measures: Measure[]
  /** Trials that are drawn however many there are. */
  must: ReadonlySet<string>
  /** The axes choose the rows; if not, they are drawn without a choice. */
  chooses: boolean
  onBrush: (runs: ReadonlySet<string> | undefined) => void
}

/** mostLines is how many lines still tell something. */
export const mostLines = 1500

type Interval = [number, number]

/** Parallel has an axis a parameter and measure, and a line a trial. */
export function Parallel({ data, measures, must, chooses, onBrush }: Props) {
  const trials = useMemo(() => (data.trials ?? []).filter((t) => measures.every((m) => t.best?.[m.name] !== undefined)), [data, measures.map((m) => m.name).join(' ')])
  const axes = useMemo(() => axesOf(trials, data.parameters ?? [], measures), [trials, data])
  const chosen = useRef(new Map<string, Interval[]>()) // by the names of axes
  const latest = useRef({ trials, axes })
  latest.current = { trials, axes }
  const choose = () => {
    const { trials, axes } = latest.current
    const limits = axes.flatMap((a) => (chosen.current.get(a.name)?.length ? [{ a, intervals: chosen.current.get(a.name) ?? [] }] : []))
    const inside = (t: TrialRow) => limits.every(({ a, intervals }) => {
      const at = a.at(t)
      return at !== undefined && intervals.some(([low, high]) => low <= at && at <= high)
    })
    onBrush(limits.length > 0 ? new Set(trials.filter(inside).map((t) => t.run)) : undefined)
  }
  const restoring = useRef(false)
  const onReady = (c: ECharts) => {
    c.on('axisareaselected', () => {
      if (restoring.current) return
      chosen.current = new Map(latest.current.axes.map((a, i) => [a.name, (c as unknown as Model).getModel().getComponent('parallelAxis', i)?.activeIntervals ?? []]))
      choose()
    })
  }
  const mark = (c: ECharts) => {
    restoring.current = true
    latest.current.axes.forEach((a, i) => {
      const intervals = chosen.current.get(a.name)
      if (intervals?.length) c.dispatchAction({ type: 'axisAreaSelect', parallelAxisIndex: i, intervals })
    })
    restoring.current = false
  }
  if (!chooses) chosen.current = new Map()
  useEffect(() => {
    if (chosen.current.size > 0) choose()
  }, [trials])
  const last = measures.at(-1)
  if (!last || trials.length === 0) return <p class="empty">No trial has been evaluated yet.</p>
  const drawn = sample(trials, mostLines, must)
  return (
    <>
      <Chart
        label={`parameters of ${trials.length} trials: ${(data.parameters ?? []).join(', ')}, with ${measures.map((m) => m.name).join(' and ')}${drawn.length < trials.length ? `; ${drawn.length} are drawn` : ''}`}
        height={334} of={[axes, must, chooses]} onReady={onReady} onDrawn={mark} option={(c) => option(c, drawn, axes, scores(trials, last), drawn.length === trials.length)}
      />
      {drawn.length < trials.length && <p class="dim hint">{drawn.length} of {trials.length} lines are drawn, those of the front among them; the axes choose from all.</p>}
    </>
  )
}

/** Model is the part of ECharts' inner model that says what is marked on an axis. */
interface Model {
  getModel(): { getComponent(kind: 'parallelAxis', i: number): { activeIntervals: Interval[] } | undefined }
}

interface Axis {
  name: string
  /** Where a trial is on the axis: its number, or which of the words. */
  at: (t: TrialRow) => number | undefined
  words?: string[]
  range: Interval
  say: (v: number) => string
}

function axesOf(trials: readonly TrialRow[], paths: readonly string[], measures: readonly Measure[]): Axis[] {
  const ofPath = (p: string): Axis => {
    const values = trials.map((t) => valueOf(t, p))
    const distinct = [...new Set(values)]
    const name = shortPath(p, paths)
    const say = (v: number) => sayValue(p, v)
    if (distinct.length > few && !distinct.some((v) => typeof v === 'string')) {
      const at = (t: TrialRow) => valueOf(t, p) as number | undefined
      return { name, at, range: rangeOf(trials, at), say }
    }
    const words = [...new Set(distinct.sort(ascending).map((v) => sayValue(p, v)))]
    const places = new Map(words.map((w, i) => [w, i]))
    return { name, at: (t) => places.get(sayValue(p, valueOf(t, p))), words, range: [0, words.length - 1], say }
  }
  const ofMeasure = (m: Measure): Axis => {
    const at = (t: TrialRow) => t.best?.[m.name]
    return { name: m.name, at, range: rangeOf(trials, at), say: (v) => inUnit(v, m.name, m.unit) }
  }
  return [...paths.map(ofPath), ...measures.map(ofMeasure)]
}

function rangeOf(trials: readonly TrialRow[], at: (t: TrialRow) => number | undefined): Interval {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const t of trials) {
    const v = at(t)
    if (v === undefined) continue
    low = Math.min(low, v)
    high = Math.max(high, v)
  }
  return [low, high]
}

/** scores says how good a trial is among all, 0..1 by the last measure. */
function scores(trials: readonly TrialRow[], last: Measure): (t: TrialRow) => number {
  const [low, high] = rangeOf(trials, (t) => t.best?.[last.name])
  return (t) => (high > low ? ((t.best?.[last.name] ?? low) - low) / (high - low) : 1)
}

function option(c: Ink, trials: readonly TrialRow[], axes: readonly Axis[], score: (t: TrialRow) => number, atOnce: boolean) {
  const look = { nameTextStyle: { color: c.dim, fontSize: 11 }, axisLine: { lineStyle: { color: c.dim } }, axisTick: { lineStyle: { color: c.line } }, axisLabel: { color: c.text, fontSize: 11 }, areaSelectStyle: { color: c.accent, opacity: 0.25, width: 14 } }
  const many = trials.length > 400
  return {
    parallel: { left: 44, right: 60, top: 40, bottom: 24, parallelAxisDefault: look },
    parallelAxis: axes.map((a, i) => ({
      dim: i, name: a.name, realtime: atOnce, ...look,
      ...(a.words ? { type: 'category', data: a.words } : { type: 'value', scale: true, ...bounds(a.range), axisLabel: { ...look.axisLabel, formatter: a.say } }),
    })),
    series: [{
      type: 'parallel', smooth: 0.15, inactiveOpacity: many ? 0.02 : 0.06, activeOpacity: 0.9,
      lineStyle: { width: many ? 1 : 1.5, opacity: many ? 0.35 : 0.7 },
      data: trials.map((t) => ({
        name: `trial ${t.trial}`,
        value: axes.map((a) => (a.words ? a.words[a.at(t) ?? -1] : a.at(t))),
        lineStyle: { color: blend(c.series[4] ?? '', c.accent, score(t)) },
      })),
    }],
  }
}

/** bounds lets an axis reach as far as all trials do, though not all are drawn. */
function bounds([low, high]: Interval) {
  return {
    min: (drawn: { min: number }) => (low < drawn.min ? low : null),
    max: (drawn: { max: number }) => (high > drawn.max ? high : null),
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
