import { useState } from 'preact/hooks'
import { address, useGet } from '../api'
import { bytes, count, percent, times } from '../format'
import type { Layers, LayersOfPass, View } from '../types'
import { axis, Chart } from '../ui/Chart'
import { Empty, Fault, Loading, Panel } from '../ui/parts'
import { Heat } from './Heat'

const nameOf = (p: LayersOfPass) => (p.pass === 0 ? 'dense' : total(p, 'coded_bytes') !== undefined ? 'quantized' : `pass ${p.pass}`)

/** LayersTab is the network layer by layer, at every pass. */
export function LayersTab({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<Layers>(`runs/${encodeURIComponent(view.id)}/layers`, `${view.state} ${view.reached?.rows?.length}`)
  const [chosen, setChosen] = useState<number>()
  if (error && !data) return <Fault again={reload}>{error}</Fault>
  if (!data) return loading ? <Loading /> : null
  const passes = data.passes ?? []
  const dense = passes[0]
  if (!dense) return <Empty>{data.why ?? 'No pass has ended yet.'}</Empty>
  const at = passes.find((p) => p.pass === chosen) ?? passes.at(-1) ?? dense
  const picker = (
    <label class="pick">stage{' '}
      <select value={at.pass} onChange={(e) => setChosen(Number(e.currentTarget.value))}>
        {passes.map((p) => <option key={p.pass} value={p.pass}>{nameOf(p)}</option>)}
      </select>
    </label>
  )
  return (
    <>
      <Panel title="Sparsity by layer and pass" hint="share of the dense layer's weights that is zero or removed">
        <Heat passes={passes} name={nameOf} />
      </Panel>
      <Panel title="Size after each stage" hint="of all weights, in every form it was measured in">
        <SizeByStage passes={passes} />
      </Panel>
      <Panel title="Size by layer" hint={`dense, and ${nameOf(at)}`} aside={picker}>
        <SizeByLayer dense={dense} at={at} />
        <Numbers dense={dense} at={at} />
      </Panel>
      <Panel title="Network" hint={at === dense ? 'as it was built' : 'what was removed is drawn pale'} aside={picker}>
        <div class="scroll drawing" tabIndex={0} role="region" aria-label="drawing of the network">
          <img src={address(`runs/${encodeURIComponent(view.id)}/network.svg?${new URLSearchParams(at === dense ? { checkpoint: dense.checkpoint } : { checkpoint: at.checkpoint, dense: dense.checkpoint })}`)} alt={`graph of the network at ${nameOf(at)}: ${(at.layers ?? []).map((l) => l.name).join(', ')}`} />
        </div>
      </Panel>
    </>
  )
}

function total(p: LayersOfPass, of: 'dense_bytes' | 'csr_bytes' | 'coded_bytes'): number | undefined {
  const all = (p.layers ?? []).map((l) => l[of])
  return all.every((n) => n === undefined) ? undefined : all.reduce<number>((sum, n) => sum + (n ?? 0), 0)
}

const forms = [['dense', 'dense_bytes', 4], ['CSR', 'csr_bytes', 0], ['coded', 'coded_bytes', 1]] as const

function SizeByStage({ passes }: { passes: LayersOfPass[] }) {
  const last = passes.at(-1)
  return (
    <Chart
      label={`bytes by stage; last: ${last ? bytes(total(last, 'csr_bytes')) : ''} as CSR`} height={210} of={[passes]}
      option={(c) => ({
        grid: { left: 62, right: 14, top: 32, bottom: 28 },
        legend: { top: 0, right: 0, textStyle: { color: c.dim }, itemWidth: 12, itemHeight: 8 },
        xAxis: axis(c, '', { type: 'category', data: passes.map(nameOf) }),
        yAxis: axis(c, '', { type: 'value', scale: false, axisLabel: { color: c.dim, fontSize: 11, formatter: (v: number) => bytes(v) } }),
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number | undefined) => bytes(v) },
        series: forms.filter(([, of]) => passes.some((p) => total(p, of) !== undefined)).map(([name, of, i]) => ({
          name, type: 'bar', barMaxWidth: 20, itemStyle: { color: c.series[i] }, data: passes.map((p) => total(p, of) ?? null),
        })),
      })}
    />
  )
}

function SizeByLayer({ dense, at }: { dense: LayersOfPass; at: LayersOfPass }) {
  const layers = (dense.layers ?? []).filter((l) => l.weights > 0)
  const after = new Map((at.layers ?? []).map((l) => [l.name, l]))
  return (
    <Chart
      label={`bytes of ${layers.length} layers, dense and at ${nameOf(at)}`} height={Math.max(140, 60 + 30 * layers.length)} of={[dense, at]}
      option={(c) => ({
        grid: { left: 110, right: 24, top: 32, bottom: 28 },
        legend: { top: 0, right: 0, textStyle: { color: c.dim }, itemWidth: 12, itemHeight: 8 },
        xAxis: axis(c, '', { type: 'value', scale: false, axisLabel: { color: c.dim, fontSize: 11, hideOverlap: true, formatter: (v: number) => bytes(v) } }),
        yAxis: axis(c, '', { type: 'category', inverse: true, data: layers.map((l) => l.name), axisLabel: { color: c.dim, fontSize: 11, width: 95, overflow: 'truncate' } }),
        tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number | undefined) => bytes(v) },
        series: [
          { name: 'dense', type: 'bar', barMaxWidth: 9, itemStyle: { color: c.series[4] }, data: layers.map((l) => l.dense_bytes) },
          { name: nameOf(at), type: 'bar', barMaxWidth: 9, itemStyle: { color: c.series[0] }, data: layers.map((l) => after.get(l.name)?.coded_bytes ?? after.get(l.name)?.csr_bytes ?? 0) },
        ],
      })}
    />
  )
}

function Numbers({ dense, at }: { dense: LayersOfPass; at: LayersOfPass }) {
  const before = new Map((dense.layers ?? []).map((l) => [l.name, l]))
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="numbers by layer">
      <table class="grid">
        <thead>
          <tr>
            {['layer', 'operation'].map((h) => <th scope="col" key={h}>{h}</th>)}
            {['in', 'out', 'weights', 'left', 'MACs', 'fewer', 'bytes', 'smaller'].map((h) => <th scope="col" key={h} class="right">{h}</th>)}
          </tr>
        </thead>
        <tbody>
          {(at.layers ?? []).map((l) => {
            const d = before.get(l.name)
            const size = l.coded_bytes ?? l.csr_bytes
            return (
              <tr key={l.name}>
                <th scope="row">{l.name}</th><td>{l.op}</td>
                <td class="right">{l.inputs ?? '–'}</td><td class="right">{l.outputs ?? '–'}</td>
                <td class="right">{count(l.weights)}</td>
                <td class="right">{d && d.weights > 0 ? percent(l.nonzero / d.weights, 1) : '–'}</td>
                <td class="right">{count(l.effective_macs)}</td>
                <td class="right">{d?.effective_macs && l.effective_macs ? times(d.effective_macs / l.effective_macs) : '–'}</td>
                <td class="right">{bytes(size)}</td>
                <td class="right">{d && size ? times(d.dense_bytes / size) : '–'}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
