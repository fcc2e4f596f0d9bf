import { useEffect, useMemo, useState } from 'preact/hooks'
import { getJSON } from '../api'
import { bytes, count, percent, plain, points, seconds } from '../format'
import { to } from '../router'
import { type Line, lay } from '../run/lines'
import { smallest } from '../run/Overview'
import type { Curves, Row, View } from '../types'
import { axis, Chart } from '../ui/Chart'
import { Empty, Fault, Loading, Panel, State } from '../ui/parts'

interface One { id: string; view: View; lines: Line[] }

const most = 12

/** ComparePage sets runs side by side: numbers, accuracy by sparsity, and curves. */
export function ComparePage({ ids }: { ids: string[] }) {
  const [all, setAll] = useState<One[]>()
  const [fault, setFault] = useState('')
  const wanted = ids.slice(0, most)
  useEffect(() => {
    const stop = new AbortController()
    const one = async (id: string): Promise<One> => {
      const path = `runs/${encodeURIComponent(id)}`
      const [view, curves] = await Promise.all([getJSON<View>(path, stop.signal), getJSON<Curves>(`${path}/curves`, stop.signal).catch(() => ({ steps: [] }))])
      return { id, view, lines: lay(curves.steps ?? []) }
    }
    Promise.all(wanted.map(one)).then(setAll, (e: unknown) => {
      if (!stop.signal.aborted) setFault(e instanceof Error ? e.message : String(e))
    })
    return () => stop.abort()
  }, [wanted.join(' ')])
  const names = useMemo(() => all?.map(nameOf(all)) ?? [], [all])
  if (wanted.length === 0) return <Empty>Choose runs in a table with <kbd>x</kbd>, then compare them.</Empty>
  if (fault) return <Fault>{fault}</Fault>
  if (!all) return <Loading />
  return (
    <>
      <div class="head"><h1>Compare</h1><span class="dim">{all.length} runs{ids.length > most ? `, the first of ${ids.length}` : ''}</span></div>
      <Numbers all={all} names={names} />
      <div class="two">
        <Panel title="Accuracy by sparsity" hint="on the test set, a point a pass"><BySparsity all={all} names={names} /></Panel>
        <Panel title="Loss" hint="of training, by epochs"><Loss all={all} names={names} /></Panel>
      </div>
    </>
  )
}

/** nameOf is the shortest name that tells the runs apart. */
function nameOf(all: readonly One[]) {
  return (o: One): string => {
    const parent = /^(.*)-(\d+(?:-to-\d+)?)$/.exec(o.id)
    if (o.view.kind === 'trial' && parent && all.every((other) => other.id.startsWith(`${parent[1]}-`))) return `trial ${parent[2]}`
    const name = o.view.summary.name || o.id
    return all.filter((other) => other.view.summary.name === name).length === 1 ? name : o.id
  }
}

const lines: [string, (r: Row, dense: Row) => string][] = [
  ['accuracy', (r) => percent(r.accuracy)],
  ['against dense', (r, d) => points(r.accuracy - d.accuracy)],
  ['sparsity', (r) => percent(r.sparsity, 1)],
  ['weights left', (r) => count(r.nonzero_weights)],
  ['bytes', (r) => bytes(smallest(r))],
  ['multiply-adds', (r) => count(r.effective_macs)],
  ['latency', (r) => seconds(r.latency_s)],
  ['loss', (r) => r.loss.toFixed(4)],
  ['passes', (r) => String(r.pass)],
]

function Numbers({ all, names }: { all: One[]; names: string[] }) {
  const ends = all.map(({ view }) => {
    const rows = view.reached?.rows ?? []
    return { dense: rows[0], last: [...rows].reverse().find((r) => r.kept) ?? rows[0] }
  })
  return (
    <div class="scroll panel" tabIndex={0} role="region" aria-label="numbers side by side">
      <table class="grid narrow">
        <thead><tr><th scope="col"><span class="hidden">number</span></th>{all.map((o, i) => <th scope="col" key={o.id} class="right"><i class={`swatch series-${(i % 8) + 1}`} /><a href={to.run(o.id)} title={o.id}>{names[i]}</a></th>)}</tr></thead>
        <tbody>
          <tr><th scope="row">state</th>{all.map((o) => <td key={o.id} class="right"><State state={o.view.state} /></td>)}</tr>
          {lines.map(([name, say]) => (
            <tr key={name}><th scope="row">{name}</th>{ends.map((e, i) => <td key={i} class="right">{e.last && e.dense ? say(e.last, e.dense) : '–'}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function BySparsity({ all, names }: { all: One[]; names: string[] }) {
  return (
    <Chart
      label={`accuracy by sparsity of ${names.join(', ')}`} height={300} of={[all]}
      option={(c) => ({
        grid: { left: 56, right: 16, top: 14, bottom: 44 },
        xAxis: axis(c, 'sparsity', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: (v: number) => percent(v, 0) } }),
        yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: (v: number) => percent(v, 1) } }),
        tooltip: { trigger: 'item', formatter: (p: { seriesName: string; value: [number, number] }) => `${p.seriesName}\n${percent(p.value[1])} at ${percent(p.value[0], 1)}` },
        series: all.map((o, i) => ({ name: names[i], type: 'line', symbolSize: 7, itemStyle: { color: c.series[i % 8] }, data: (o.view.reached?.rows ?? []).filter((r) => r.kept || r.pass === 0).map((r) => [r.sparsity, r.accuracy]) })),
      })}
    />
  )
}

function Loss({ all, names }: { all: One[]; names: string[] }) {
  return (
    <Chart
      label={`training loss of ${names.join(', ')}`} height={300} of={[all]}
      option={(c) => ({
        grid: { left: 52, right: 16, top: 14, bottom: 44 },
        xAxis: axis(c, 'epochs', { type: 'value', scale: false }),
        yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, fontSize: 11, formatter: (v: number) => plain(v) } }),
        tooltip: { trigger: 'item', formatter: (p: { seriesName: string; value: [number, number] }) => `${p.seriesName}\nepoch ${plain(p.value[0])}: ${plain(p.value[1])}` },
        series: all.map((o, i) => ({ name: names[i], type: 'line', symbolSize: 4, lineStyle: { width: 1.6 }, itemStyle: { color: c.series[i % 8] }, data: o.lines.flatMap((l) => l.points.filter((p) => p.loss !== undefined).map((p) => [p.at, p.loss])) })),
      })}
    />
  )
}
