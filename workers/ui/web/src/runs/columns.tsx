import { ago, clock, eta, kindOf, percent, seconds, share } from '../format'
import { to } from '../router'
import type { View } from '../types'
import { Bar, State, Tags } from '../ui/parts'
import type { Column } from '../ui/Table'

/** columns are those of the table of runs, with times as seen at tick. */
export function columns(tick: number): Column<View>[] {
  return [
    {
      key: 'name', title: 'Name', rank: 1, sort: (v) => v.summary.name || v.id,
      cell: (v) => (
        <span class="name">
          <a href={to.run(v.id)} title={v.id}>{v.summary.name || v.id}</a>
          <Tags tags={v.tags} />
        </span>
      ),
    },
    { key: 'id', title: 'Id', width: 130, sort: (v) => v.id, cell: (v) => <code class="dim" title={v.id}>{tail(v.id)}</code> },
    { key: 'kind', title: 'Kind', width: 68, rank: 2, sort: kindOf, cell: kindOf },
    { key: 'state', title: 'State', width: 104, rank: 1, sort: (v) => v.state, cell: (v) => <State state={v.state} /> },
    {
      key: 'progress', title: 'Progress', width: 150, rank: 2, sort: share,
      cell: (v) => <span class="progress"><Bar share={share(v)} label={`progress of ${v.id}`} state={v.state} /><span>{passes(v)}</span></span>,
    },
    { key: 'accuracy', title: 'Accuracy', width: 92, right: true, rank: 1, sort: (v) => v.summary.accuracy || undefined, cell: (v) => percent(v.summary.accuracy || undefined) },
    { key: 'sparsity', title: 'Sparsity', width: 88, right: true, rank: 2, sort: (v) => v.summary.sparsity || undefined, cell: (v) => percent(v.summary.sparsity || undefined, 1) },
    { key: 'eta', title: 'ETA', width: 110, right: true, sort: (v) => eta(v, tick), cell: (v) => seconds(eta(v, tick)) },
    { key: 'worker', title: 'Worker', width: 130, sort: (v) => v.step?.worker, cell: (v) => <span class="dim" title={v.step?.worker}>{v.step?.worker || '–'}</span> },
    { key: 'started', title: 'Started', width: 100, right: true, rank: 2, sort: (v) => Date.parse(v.started), cell: (v) => <time dateTime={v.started} title={clock(v.started)}>{ago(v.started, tick)}</time> },
  ]
}

function passes(v: View): string {
  const { pass, passes, failed } = v.summary
  return `${pass}/${passes}${failed ? `, ${failed} failed` : ''}`
}

/** tail is what makes an id unique: the part after its name. */
function tail(id: string): string {
  return id.slice(id.lastIndexOf('-') + 1)
}
