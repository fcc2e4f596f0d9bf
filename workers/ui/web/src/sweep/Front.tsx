import { useEffect, useRef, useState } from 'preact/hooks'
import { inUnit } from '../format'
import { go, to } from '../router'
import type { TrialRow } from '../types'
import { axis, Chart, type ECharts, type Ink } from '../ui/Chart'
import { type Measure, sayValue } from './numbers'

interface Props {
  trials: TrialRow[]
  x: Measure
  y: Measure
  /** Those that no other one beats by the two measures. */
  best: TrialRow[]
  brushed: ReadonlySet<string> | undefined
  /** The rectangle chooses the rows; if not, there is none. */
  chooses: boolean
  onBrush: (runs: ReadonlySet<string> | undefined) => void
}

/** Point is x, y and the number of the trial: many are drawn fastest as arrays. */
type Point = [number, number, number]
type Range = [[number, number], [number, number]]

/** Front is the trials by two measures. A click opens one; a rectangle chooses rows. */
export function Front({ trials, x, y, best, brushed, chooses, onBrush }: Props) {
  const chart = useRef<ECharts>()
  const [marking, setMarking] = useState(false)
  const range = useRef<Range>()
  const points = trials.filter((t) => t.best?.[x.name] !== undefined && t.best[y.name] !== undefined)
  const latest = useRef({ points, x, y, marking })
  latest.current = { points, x, y, marking }

  const choose = () => {
    if (!range.current) return onBrush(undefined)
    const [[x0, x1], [y0, y1]] = range.current
    const inside = (t: TrialRow) => {
      const [a, b] = point(t, latest.current.x, latest.current.y)
      return a >= x0 && a <= x1 && b >= y0 && b <= y1
    }
    onBrush(new Set(latest.current.points.filter(inside).map((t) => t.run)))
  }
  const cursor = (c: ECharts, on: boolean) => {
    c.dispatchAction({ type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: on ? 'rect' : false, brushMode: 'single' } })
  }
  const onReady = (c: ECharts) => {
    chart.current = c
    c.on('click', (e) => {
      const number = numberOf(e.data)
      const trial = latest.current.points.find((t) => t.trial === number)
      if (trial) go(to.run(trial.run))
    })
    c.on('brushEnd', (e) => {
      range.current = (e as { areas?: { coordRange?: Range }[] }).areas?.[0]?.coordRange
      choose()
    })
  }
  const mark = (c: ECharts) => {
    if (range.current) c.dispatchAction({ type: 'brush', areas: [{ brushType: 'rect', xAxisIndex: 0, yAxisIndex: 0, coordRange: range.current }] })
    if (latest.current.marking) cursor(c, true)
  }
  if (!chooses) range.current = undefined
  useEffect(() => {
    if (range.current) choose()
  }, [trials])
  useEffect(() => { // what was marked says nothing of other axes
    if (!range.current) return
    range.current = undefined
    choose()
  }, [x.name, y.name])
  return (
    <>
      <Chart
        label={`${y.name} against ${x.name} of ${points.length} trials; on the front: ${best.slice(0, 12).map((t) => `trial ${t.trial} with ${inUnit(t.best?.[y.name], y.name, y.unit)} at ${inUnit(t.best?.[x.name], x.name, x.unit)}`).join(', ')}`}
        height={300} of={[trials, x.name, y.name, brushed]} onReady={onReady} onDrawn={mark} option={(c) => option(c, points, best, x, y, brushed)}
      />
      <p class="chart-tools">
        <button
          type="button" class="quiet" aria-pressed={marking}
          onClick={() => {
            setMarking(!marking)
            if (chart.current) cursor(chart.current, !marking)
          }}
        >
          {marking ? 'Drag a rectangle …' : 'Choose by a rectangle'}
        </button>
      </p>
    </>
  )
}

function point(t: TrialRow, x: Measure, y: Measure): Point {
  return [t.best?.[x.name] ?? 0, t.best?.[y.name] ?? 0, t.trial]
}

/** numberOf is the trial of what was drawn, a point or one with its own style. */
function numberOf(data: unknown): number | undefined {
  const value: unknown = Array.isArray(data) ? data : (data as { value?: unknown } | undefined)?.value
  return Array.isArray(value) ? (value as Point)[2] : undefined
}

function settings(t: TrialRow | undefined): string {
  return Object.entries(t?.values ?? {}).map(([path, v]) => `${path}: ${sayValue(path, v)}`).join('\n')
}

/** crowd is from how many points on they are drawn small and all at once. */
const crowd = 2000

function option(c: Ink, points: TrialRow[], best: TrialRow[], x: Measure, y: Measure, brushed: ReadonlySet<string> | undefined) {
  const on = new Set(best.map((t) => t.run))
  const byNumber = new Map(points.map((t) => [t.trial, t]))
  const say = (m: Measure) => (v: number) => inUnit(v, m.name, m.unit)
  const chosen = (t: TrialRow) => !brushed || brushed.has(t.run)
  const many = points.length >= crowd
  const others = (those: TrialRow[], opacity: number) => ({
    type: 'scatter', symbolSize: many ? 5 : 8, large: many && those.length > 0, largeThreshold: 0, cursor: 'pointer', itemStyle: { color: c.series[4], opacity },
    data: those.map((t) => point(t, x, y)),
  })
  const rest = points.filter((t) => !on.has(t.run))
  return {
    grid: { left: 68, right: 18, top: 14, bottom: 46 },
    brush: { xAxisIndex: 0, yAxisIndex: 0, throttleType: 'debounce', throttleDelay: 100, brushStyle: { borderColor: c.accent, color: 'rgba(80,160,120,.15)' }, outOfBrush: {} },
    toolbox: { show: false },
    xAxis: axis(c, x.name, { type: 'value', axisLabel: { color: c.dim, fontSize: 11, hideOverlap: true, formatter: say(x) } }),
    yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: say(y) } }),
    tooltip: {
      trigger: 'item',
      formatter: (p: { data: unknown }) => {
        const t = byNumber.get(numberOf(p.data) ?? -1)
        return `trial ${t?.trial}\n${y.name}: ${inUnit(t?.best?.[y.name], y.name, y.unit)}\n${x.name}: ${inUnit(t?.best?.[x.name], x.name, x.unit)}\n${settings(t)}`
      },
    },
    series: [
      { type: 'line', silent: true, step: false, symbol: 'none', lineStyle: { color: c.accent, width: 1.4, type: 'dashed' }, tooltip: { show: false }, data: best.map((t) => point(t, x, y).slice(0, 2)) },
      others(rest.filter((t) => !chosen(t)), 0.2),
      others(rest.filter(chosen), many ? 0.6 : 1),
      {
        type: 'scatter', symbolSize: 11, cursor: 'pointer', z: 3, itemStyle: { color: c.accent, borderColor: c.surface, borderWidth: 1.5 },
        data: best.map((t) => ({ value: point(t, x, y), itemStyle: { opacity: chosen(t) ? 1 : 0.2 } })),
      },
    ],
  }
}
