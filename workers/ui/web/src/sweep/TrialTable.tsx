import type { ComponentChildren } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { address } from '../api'
import { inUnit } from '../format'
import { go, to } from '../router'
import type { TrialRow, Trials } from '../types'
import { Panel, State } from '../ui/parts'
import { type Column, type Sort, sorted, Table } from '../ui/Table'
import { csv, type Measure, save, sayValue, shortPath, valueOf } from './numbers'

interface Props {
  sweep: string
  data: Trials
  rows: TrialRow[]
  measures: Measure[]
  chosen: ReadonlySet<string>
  onChoose: (run: string) => void
  aside: ComponentChildren
}

/** TrialTable is the trials with their values and numbers, to sort, to search, to take away. */
export function TrialTable({ sweep, data, rows, measures, chosen, onChoose, aside }: Props) {
  const [sort, setSort] = useState<Sort>({ key: 'trial', down: false })
  const [search, setSearch] = useState('')
  const [state, setState] = useState('')
  const paths = data.parameters ?? []
  const table = useMemo(() => columns(data, measures), [data, measures])
  const shown = useMemo(() => {
    const words = search.toLowerCase().split(/\s+/).filter((w) => w !== '')
    const fit = (t: TrialRow) => (!state || t.state === state) && words.every((w) => textOf(t).includes(w))
    return sorted(rows.filter(fit), table, sort)
  }, [rows, table, sort, search, state])
  const download = () => save(`${sweep}-trials.csv`, csv(
    ['trial', 'run', 'state', 'why', 'seed', 'rung', ...paths, ...measures.map((m) => m.name), 'pareto'],
    shown.map((t) => [t.trial, t.run, t.state, t.why, t.seed, t.rung, ...paths.map((p) => t.values?.[p]), ...measures.map((m) => t.best?.[m.name]), t.pareto ?? false]),
  ))
  const states = useMemo(() => [...new Set((data.trials ?? []).map((t) => t.state))].sort(), [data])
  return (
    <Panel
      title="Trials" hint={`${shown.length} shown`} class="trials"
      aside={(
        <>
          {aside}
          <input type="search" aria-label="search in the trials" placeholder="Search  /" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
          <select aria-label="state of the trials" value={state} onChange={(e) => setState(e.currentTarget.value)}>
            <option value="">any state</option>
            {states.map((s) => <option key={s} value={s}>{s}</option>)}
          </select>
          <button type="button" class="quiet" onClick={download}>CSV of these</button>
          <a class="button quiet" href={address(`results/${encodeURIComponent(sweep)}.csv`)} download>CSV of all passes</a>
        </>
      )}
    >
      <Table label="trials" rows={shown} columns={table} rowKey={(t) => t.run} sort={sort} onSort={setSort} onOpen={(t) => go(to.run(t.run))} chosen={chosen} onChoose={onChoose} height={640} lit={(t) => t.pareto === true} />
    </Panel>
  )
}

const texts = new WeakMap<TrialRow, string>()

/** textOf is what a trial is searched by. */
function textOf(t: TrialRow): string {
  let text = texts.get(t)
  if (text === undefined) {
    text = `${t.trial} ${t.state} ${t.why ?? ''} ${Object.entries(t.values ?? {}).map(([p, v]) => `${p}=${String(v)}`).join(' ')}`.toLowerCase()
    texts.set(t, text)
  }
  return text
}

function columns(data: Trials, measures: readonly Measure[]): Column<TrialRow>[] {
  const paths = data.parameters ?? []
  const trials = data.trials ?? []
  return [
    { key: 'trial', title: 'Trial', width: 76, rank: 1, sort: (t) => t.trial, cell: (t) => <a href={to.run(t.run)} title={t.run}>{t.trial}{t.pareto && <span class="star" title="on the front"> ★</span>}</a> },
    { key: 'state', title: 'State', width: 104, rank: 1, sort: (t) => t.state, cell: (t) => <span title={t.why}><State state={t.state} /></span> },
    ...paths.map((p, i): Column<TrialRow> => ({
      key: p, title: shortPath(p, paths), rank: i < 2 ? 2 : 3, sort: (t) => valueOf(t, p),
      cell: (t) => <span title={p}>{sayValue(p, t.values?.[p])}</span>,
    })),
    ...(trials.some((t) => t.rung !== undefined && t.rung > 0) ? [{ key: 'rung', title: 'Rung', width: 66, right: true, sort: (t: TrialRow) => t.rung, cell: (t: TrialRow) => t.rung ?? '–' }] : []),
    ...measures.map((m, i): Column<TrialRow> => ({
      key: `measure ${m.name}`, title: m.name, width: 112, right: true, rank: i === 0 ? 1 : i === 1 ? 2 : data.objectives?.includes(m.name) || /^(sparsity|bytes|effective_macs|latency)$/.test(m.name) ? 3 : 4,
      sort: (t) => t.best?.[m.name], cell: (t) => inUnit(t.best?.[m.name], m.name, m.unit),
    })),
    ...(trials.some((t) => t.why) ? [{ key: 'why', title: 'Why', sort: (t: TrialRow) => t.why, cell: (t: TrialRow) => <span class="dim" title={t.why}>{t.why}</span> }] : []),
  ]
}
