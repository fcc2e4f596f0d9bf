import { useMemo, useState } from 'preact/hooks'
import { kindOf } from '../format'
import { link, runs } from '../live'
import { now } from '../now'
import { go, keep, route, to } from '../router'
import { useStore } from '../store'
import type { View } from '../types'
import { Empty, Loading } from '../ui/parts'
import { type Sort, sorted, Table } from '../ui/Table'
import { columns } from './columns'

const states = ['running', 'paused', 'done', 'failed', 'cancelled']
const kinds = ['run', 'sweep', 'scan']

/** RunsPage is the live table of runs, sweeps and scans. */
export function RunsPage() {
  const all = useStore(runs)
  const { query } = useStore(route)
  const tick = useStore(now)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const search = query.get('q') ?? ''
  const state = query.get('state') ?? ''
  const kind = query.get('kind') ?? ''
  const tag = query.get('tag') ?? ''
  const sort = readSort(query.get('sort'))

  const views = useMemo(() => [...(all?.values() ?? [])], [all])
  const tags = useMemo(() => [...new Set(views.flatMap((v) => v.tags ?? []))].sort(), [views])
  const shown = useMemo(
    () => views.filter((v) => (!state || v.state === state) && (!kind || kindOf(v) === kind) && (!tag || v.tags?.includes(tag)) && found(v, search)),
    [views, state, kind, tag, search],
  )
  const table = useMemo(() => columns(tick), [tick])
  const rows = useMemo(() => sorted(shown, table, sort), [shown, table, sort.key, sort.down])
  const toggle = (id: string) => setChosen((old) => {
    const next = new Set(old)
    if (!next.delete(id)) next.add(id)
    return next
  })

  return (
    <>
      <div class="head">
        <h1>Runs</h1>
        <span class="dim" role="status">{rows.length === views.length ? views.length : `${rows.length} of ${views.length}`}</span>
        <div class="filters" role="search">
          <input type="search" aria-label="search in names, ids and tags" placeholder="Search  /" value={search} onInput={(e) => keep({ q: e.currentTarget.value })} />
          <Choice label="state" value={state} all="any state" options={states} />
          <Choice label="kind" value={kind} all="any kind" options={kinds} />
          {tags.length > 0 && <Choice label="tag" value={tag} all="any tag" options={tags} />}
          {chosen.size >= 2 && <a class="button primary" href={to.compare([...chosen])}>Compare {chosen.size}</a>}
        </div>
      </div>
      {all === undefined && <Waiting />}
      {all !== undefined && views.length === 0 && (
        <Empty>No run yet. <code>espalier init</code> writes a spec, <code>espalier run SPEC</code> runs it.</Empty>
      )}
      {views.length > 0 && (
        <Table
          label="runs and sweeps" rows={rows} columns={table} rowKey={(v) => v.id} sort={sort}
          onSort={(s) => keep({ sort: `${s.down ? '-' : ''}${s.key}` })}
          onOpen={(v) => go(to.run(v.id))} chosen={chosen} onChoose={toggle}
        />
      )}
    </>
  )
}

function Waiting() {
  return useStore(link) === 'down' ? null : <Loading />
}

function readSort(text: string | null): Sort {
  if (!text) return { key: 'started', down: true }
  return { key: text.replace(/^-/, ''), down: text.startsWith('-') }
}

/** found says whether every word of the search is in the run's name, id or tags. */
function found(v: View, search: string): boolean {
  const text = `${v.id} ${v.summary.name} ${(v.tags ?? []).join(' ')}`.toLowerCase()
  return search.toLowerCase().split(/\s+/).every((word) => text.includes(word))
}

function Choice({ label, value, all, options }: { label: string; value: string; all: string; options: string[] }) {
  return (
    <select aria-label={label} value={value} onChange={(e) => keep({ [label]: e.currentTarget.value })}>
      <option value="">{all}</option>
      {options.map((o) => <option key={o} value={o}>{o}</option>)}
    </select>
  )
}
