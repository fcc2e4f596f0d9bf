import { useGet } from '../api'
import { times } from '../format'
import type { Speed, View } from '../types'
import { axis, Chart } from '../ui/Chart'
import { Panel } from '../ui/parts'
import { pulse } from './pulse'

/** SpeedPanel sets the speed that was measured beside the one that the multiply-adds promise. */
export function SpeedPanel({ view }: { view: View }) {
  const { data } = useGet<Speed>(`runs/${encodeURIComponent(view.id)}/speed`, pulse(view))
  const all = data?.measured ?? []
  if (all.length === 0) return data?.why ? <p class="dim hint">Speed: {data.why}</p> : null
  const names = all.map((m) => (m.pass === 0 ? 'dense' : `pass ${m.pass}`))
  const last = all.at(-1)
  return (
    <Panel title="Speed" hint="times as fast as the dense network: what the multiply-adds promise, and what was measured">
      <Chart
        label={`speed-up by pass; last: ${times(last?.theoretical)} in theory, ${times(last?.measured)} measured`} of={[data]}
        option={(c) => ({
          grid: { left: 52, right: 14, top: 34, bottom: 30 },
          legend: { top: 0, right: 0, textStyle: { color: c.dim }, itemWidth: 12, itemHeight: 8 },
          xAxis: axis(c, '', { type: 'category', data: names }),
          yAxis: axis(c, '', { type: 'value', scale: false, axisLabel: { color: c.dim, fontSize: 11, formatter: '{value}×' } }),
          tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' }, valueFormatter: (v: number) => times(v) },
          series: [
            { name: 'theoretical', type: 'bar', barMaxWidth: 22, itemStyle: { color: c.series[4] }, data: all.map((m) => m.theoretical) },
            { name: 'measured', type: 'bar', barMaxWidth: 22, itemStyle: { color: c.series[0] }, data: all.map((m) => m.measured) },
          ],
        })}
      />
    </Panel>
  )
}
