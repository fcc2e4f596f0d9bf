import { useRef, useState } from 'preact/hooks'
import { inUnit } from '../format'
import { go, to } from '../router'
import type { TrialRow } from '../types'
import { axis, Chart, type ECharts, type Ink } from '../ui/Chart'
import { front, type Measure, sayValue } from './numbers'

interface Props {
  trials: TrialRow[]
  x: Measure
  y: Measure
  brushed: ReadonlySet<string> | undefined
  onBrush: (runs: ReadonlySet<string> | undefined) => void
}

interface Point { value: [number, number]; run: string; trial: number; settings: string }

/** Front is the trials by two measures. A click opens one; a rectangle chooses rows. */
export function Front({ trials, x, y, brushed, onBrush }: Props) {
  const chart = useRef<ECharts>()
  const [marking, setMarking] = useState(false)
  const points = trials.filter((t) => t.best?.[x.name] !== undefined && t.best[y.name] !== undefined)
  const best = front(points, x, y)
  const latest = useRef<Point[]>([])
  latest.current = points.map((t) => point(t, x, y))

  const mark = (on: boolean) => {
    setMarking(on)
    chart.current?.dispatchAction({ type: 'takeGlobalCursor', key: 'brush', brushOption: { brushType: on ? 'rect' : false, brushMode: 'single' } })
  }
  const onReady = (c: ECharts) => {
    chart.current = c
    c.on('click', (e) => {
      const run = (e.data as Partial<Point> | undefined)?.run
      if (run) go(to.run(run))
    })
    c.on('brushEnd', (e) => {
      const range = (e as { areas?: { coordRange?: [[number, number], [number, number]] }[] }).areas?.[0]?.coordRange
      if (!range) return onBrush(undefined)
      const [[x0, x1], [y0, y1]] = range
      onBrush(new Set(latest.current.filter(({ value: [a, b] }) => a >= x0 && a <= x1 && b >= y0 && b <= y1).map((p) => p.run)))
    })
  }
  return (
    <>
      <Chart
        label={`${y.name} against ${x.name} of ${points.length} trials; on the front: ${best.slice(0, 12).map((t) => `trial ${t.trial} with ${inUnit(t.best?.[y.name], y.name, y.unit)} at ${inUnit(t.best?.[x.name], x.name, x.unit)}`).join(', ')}`}
        height={300} of={[trials, x.name, y.name, brushed]} onReady={onReady} option={(c) => option(c, points, best, x, y, brushed)}
      />
      <p class="chart-tools">
        <button type="button" class="quiet" aria-pressed={marking} onClick={() => mark(!marking)}>{marking ? 'Drag a rectangle …' : 'Choose by a rectangle'}</button>
      </p>
    </>
  )
}

function point(t: TrialRow, x: Measure, y: Measure): Point {
  return {
    value: [t.best?.[x.name] ?? 0, t.best?.[y.name] ?? 0], run: t.run, trial: t.trial,
    settings: Object.entries(t.values ?? {}).map(([path, v]) => `${path}: ${sayValue(path, v)}`).join('\n'),
  }
}

function option(c: Ink, points: TrialRow[], best: TrialRow[], x: Measure, y: Measure, brushed: ReadonlySet<string> | undefined) {
  const on = new Set(best.map((t) => t.run))
  const pale = (t: TrialRow) => ({ opacity: !brushed || brushed.has(t.run) ? 1 : 0.2 })
  const say = (m: Measure) => (v: number) => inUnit(v, m.name, m.unit)
  return {
    grid: { left: 68, right: 18, top: 14, bottom: 46 },
    brush: { xAxisIndex: 0, yAxisIndex: 0, throttleType: 'debounce', throttleDelay: 100, brushStyle: { borderColor: c.accent, color: 'rgba(80,160,120,.15)' }, outOfBrush: {} },
    toolbox: { show: false },
    xAxis: axis(c, x.name, { type: 'value', axisLabel: { color: c.dim, fontSize: 11, hideOverlap: true, formatter: say(x) } }),
    yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: say(y) } }),
    tooltip: {
      trigger: 'item',
      formatter: (p: { data: Point }) => `trial ${p.data.trial}\n${y.name}: ${say(y)(p.data.value[1])}\n${x.name}: ${say(x)(p.data.value[0])}\n${p.data.settings}`,
    },
    series: [
      { type: 'line', silent: true, step: false, symbol: 'none', lineStyle: { color: c.accent, width: 1.4, type: 'dashed' }, tooltip: { show: false }, data: best.map((t) => point(t, x, y).value) },
      { type: 'scatter', symbolSize: 8, cursor: 'pointer', data: points.filter((t) => !on.has(t.run)).map((t) => ({ ...point(t, x, y), itemStyle: { color: c.series[4], ...pale(t) } })) },
      { type: 'scatter', symbolSize: 11, cursor: 'pointer', z: 3, data: best.map((t) => ({ ...point(t, x, y), itemStyle: { color: c.accent, borderColor: c.surface, borderWidth: 1.5, ...pale(t) } })) },
    ],
  }
}
