import { useMemo } from 'preact/hooks'
import { useGet } from '../api'
import { percent, plain } from '../format'
import type { CurvePoint, Curves, CurveStep, View } from '../types'
import { axis, Chart, type Ink } from '../ui/Chart'
import { Empty, Fault, Loading, Panel } from '../ui/parts'
import { type Line, type LinePoint, lay } from './lines'
import { pulse } from './pulse'

/** CurvesPanel is loss and accuracy while training, live. */
export function CurvesPanel({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<Curves>(`runs/${encodeURIComponent(view.id)}/curves`, pulse(view))
  const lines = useMemo(() => lay(withLive(data?.steps ?? [], view), view.step?.progress?.batches), [data, view])
  if (!data && !error && loading) return <Panel title="Training"><Loading /></Panel>
  if (error && !data) return <Panel title="Training"><Fault again={reload}>{error}</Fault></Panel>
  if (lines.length === 0) return <Panel title="Training"><Empty>No epoch has ended yet.</Empty></Panel>
  const end = lines.at(-1)?.points.at(-1)
  const held = lines.some((l) => l.points.some((p) => p.heldAccuracy !== undefined))
  return (
    <div class="two">
      <Panel title="Loss" hint={`of training, by epochs${held ? '; dashed: held out' : ''}`}>
        <Chart label={`training loss over ${lines.length} steps, last ${plain(end?.loss)}`} of={[lines]} option={(c) => option(c, lines, 'loss')} />
      </Panel>
      <Panel title="Accuracy" hint={`while training, by epochs${held ? '; dashed: held out' : ''}`}>
        <Chart label={`training accuracy over ${lines.length} steps, last ${percent(end?.accuracy)}`} of={[lines]} option={(c) => option(c, lines, 'accuracy')} />
      </Panel>
    </div>
  )
}

/** withLive adds the newest heartbeat of the step under way to its curve. */
function withLive(steps: readonly CurveStep[], view: View): CurveStep[] {
  const p = view.step?.progress
  const c = p?.cursor
  if (!p || !c || (c.epoch === 0 && c.batch === 0) || p.loss === undefined) return [...steps]
  const point: CurvePoint = { epoch: c.epoch, batch: c.batch, loss: p.loss, ...(p.accuracy === undefined ? {} : { accuracy: p.accuracy }) }
  const earlier = (q: CurvePoint) => q.epoch < c.epoch || (q.epoch === c.epoch && (q.batch ?? 0) < c.batch)
  const known = steps.findIndex((s) => s.key === p.key)
  if (known < 0) return [...steps, { key: p.key ?? '', activity: view.step?.activity ?? p.kind, pass: p.pass, points: [point] }]
  return steps.map((s, i) => (i === known && (s.points ?? []).every(earlier) ? { ...s, points: [...(s.points ?? []), point] } : s))
}

type What = 'loss' | 'accuracy'

function option(c: Ink, lines: Line[], what: What) {
  const starts = lines.slice(0, -1).map((l) => ({ xAxis: l.points.at(-1)?.at ?? 0 }))
  const held = what === 'loss' ? 'heldLoss' : 'heldAccuracy'
  const say = (v: number) => (what === 'accuracy' ? percent(v) : plain(v))
  const colourOf = (i: number) => (i === 0 ? c.series[0] : c.series[1 + ((i - 1) % (c.series.length - 1))])
  const data = (l: Line, key: keyof LinePoint) => l.points.filter((p) => p[key] !== undefined).map((p) => [p.at, p[key]])
  const looks = lines.map((l, i) => ({ name: `${l.name}, held out`, type: 'line', symbol: 'emptyCircle', symbolSize: 5, lineStyle: { width: 1.2, type: 'dashed' }, itemStyle: { color: colourOf(i) }, data: data(l, held) }))
  return {
    grid: { left: 52, right: 14, top: 12, bottom: 42 },
    xAxis: axis(c, 'epochs', { type: 'value', min: 0, scale: false }),
    yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: (v: number) => (what === 'accuracy' ? percent(v, v > 0.98 && v < 1 ? 1 : 0) : plain(v)) } }),
    tooltip: { trigger: 'item', formatter: (p: { seriesName: string; value: [number, number] }) => `${p.seriesName}\nepoch ${plain(p.value[0])}: ${say(p.value[1])}` },
    series: [
      ...lines.map((l, i) => ({
        name: l.name, type: 'line', symbol: 'circle', symbolSize: l.points.length > 80 ? 2 : 5, lineStyle: { width: 1.8 }, itemStyle: { color: colourOf(i) }, data: data(l, what),
        ...(i === 0 ? { markLine: { silent: true, symbol: 'none', label: { show: false }, lineStyle: { color: c.line, type: 'solid' }, data: starts } } : {}),
      })),
      ...looks.filter((l) => l.data.length > 0),
    ],
  }
}
