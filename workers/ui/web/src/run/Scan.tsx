import { useGet } from '../api'
import { percent } from '../format'
import type { Sensitivity, View } from '../types'
import { axis, Chart } from '../ui/Chart'
import { Empty, Fault, Loading, Panel } from '../ui/parts'
import { pulse } from './pulse'

/** Scan is how a network bears the pruning of each of its layers alone. */
export function Scan({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<Sensitivity>(`runs/${encodeURIComponent(view.id)}/sensitivity`, pulse(view))
  if (error) return <Fault again={reload}>{error}</Fault>
  if (!data) return loading ? <Loading /> : null
  const layers = (data.layers ?? []).map((l) => ({ name: l.name ?? l.layer ?? '', points: l.points ?? [] })).filter((l) => l.points.length > 0)
  if (layers.length === 0) return <Empty>No layer has been measured yet.</Empty>
  const shares = [...new Set(layers.flatMap((l) => l.points.map((p) => p.share)))].sort((a, b) => a - b)
  return (
    <>
      <Panel title="Sensitivity" hint="accuracy after a share of one layer alone is pruned, with nothing trained since">
        <Chart
          label={`accuracy of ${layers.length} layers, each pruned alone by shares up to ${percent(shares.at(-1), 0)}`} height={380} of={[data]}
          option={(c) => ({
            grid: { left: 56, right: 14, top: 40, bottom: 44 },
            legend: { type: 'scroll', top: 0, textStyle: { color: c.dim }, itemWidth: 14 },
            xAxis: axis(c, 'share pruned', { type: 'value', scale: false, axisLabel: { color: c.dim, formatter: (v: number) => percent(v, 0) } }),
            yAxis: axis(c, '', { type: 'value', axisLabel: { color: c.dim, formatter: (v: number) => percent(v, 0) } }),
            tooltip: { trigger: 'item', formatter: (p: { seriesName: string; value: [number, number] }) => `${p.seriesName}\n${percent(p.value[0], 0)} pruned: ${percent(p.value[1])}` },
            series: layers.map((l) => ({ name: l.name, type: 'line', symbolSize: 6, data: [...(data.accuracy === undefined ? [] : [[0, data.accuracy]]), ...l.points.map((p) => [p.share, p.accuracy])] })),
          })}
        />
      </Panel>
      <Panel title="By layer">
        <div class="scroll" tabIndex={0} role="region" aria-label="accuracy by layer and share">
          <table class="grid">
            <thead><tr><th scope="col">layer</th>{shares.map((s) => <th scope="col" key={s} class="right">{percent(s, 0)}</th>)}</tr></thead>
            <tbody>
              {layers.map((l) => (
                <tr key={l.name}>
                  <th scope="row">{l.name}</th>
                  {shares.map((s) => <td key={s} class="right">{percent(l.points.find((p) => p.share === s)?.accuracy)}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  )
}
