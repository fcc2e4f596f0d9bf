import { useMemo, useState } from 'preact/hooks'
import { useGet } from '../api'
import { bytes, inUnit, percent } from '../format'
import { to } from '../router'
import type { TrialRow, Trials, View } from '../types'
import { Empty, Fact, Fault, Loading, Panel } from '../ui/parts'
import { Front } from './Front'
import { best, type Measure, measures } from './numbers'
import { Parallel } from './Parallel'
import { TrialTable } from './TrialTable'

/** SweepPage is the trials of a sweep: their front, their values, their table. */
export function SweepPage({ view }: { view: View }) {
  const s = view.sweep
  const { data, error, loading, reload } = useGet<Trials>(`sweeps/${encodeURIComponent(view.id)}/trials`, [view.state, view.closed, view.summary.pass, s?.made, s?.live, s?.ended].join(' '))
  const [brushed, setBrushed] = useState<ReadonlySet<string>>()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const known = useMemo(() => (data ? measures(data) : []), [data])
  const y = known[0]
  const rest = known.filter((m) => m !== y)
  const [axisName, setAxis] = useState<string>()
  const x = rest.find((m) => m.name === axisName) ?? rest.find((m) => data?.objectives?.includes(m.name)) ?? rest.find((m) => m.name === 'bytes') ?? rest[0]
  const trials = data?.trials ?? []
  const shown = useMemo(() => (brushed ? trials.filter((t) => brushed.has(t.run)) : trials), [trials, brushed])
  const toggle = (run: string) => setChosen((old) => {
    const next = new Set(old)
    if (!next.delete(run)) next.add(run)
    return next
  })
  if (error && !data) return <Fault again={reload}>{error}</Fault>
  if (!data) return loading ? <Loading /> : null
  const pick = (
    <label class="pick">against{' '}
      <select value={x?.name} onChange={(e) => setAxis(e.currentTarget.value)}>{rest.map((m) => <option key={m.name} value={m.name}>{m.name}</option>)}</select>
    </label>
  )
  return (
    <>
      <Best view={view} trials={trials} y={y} x={x} />
      {trials.length === 0 && <Empty>{data.why ?? 'No trial has begun yet.'}</Empty>}
      {y && x && (
        <div class="two">
          <Panel title="Front" hint={`${y.name} against ${x.name}; the line joins what no other trial beats`} aside={pick}>
            <Front trials={trials} x={x} y={y} brushed={brushed} onBrush={setBrushed} />
          </Panel>
          <Panel title="Parameters" hint="a line is a trial; drag along an axis to keep some">
            <Parallel data={data} measures={[x, y]} onBrush={setBrushed} />
          </Panel>
        </div>
      )}
      {trials.length > 0 && (
        <TrialTable
          sweep={view.id} data={data} rows={shown} measures={known} chosen={chosen} onChoose={toggle}
          aside={(
            <>
              {brushed && <button type="button" class="quiet" onClick={() => setBrushed(undefined)}>{shown.length} of {trials.length}: show all</button>}
              {chosen.size >= 2 && <a class="button primary" href={to.compare([...chosen])}>Compare {chosen.size}</a>}
            </>
          )}
        />
      )}
      {data.left_out ? <p class="dim hint">{data.left_out} more trials are not in this table; <code>espalier results</code> writes all.</p> : null}
    </>
  )
}

function Best({ view, trials, y, x }: { view: View; trials: TrialRow[]; y: Measure | undefined; x: Measure | undefined }) {
  const s = view.sweep
  const top = y && best(trials, y)
  const states = new Map<string, number>()
  for (const t of trials) states.set(t.state, (states.get(t.state) ?? 0) + 1)
  return (
    <dl class="facts">
      <Fact name="trials" value={s ? `${s.ended} of ${s.total}` : `${view.summary.pass} of ${view.summary.passes}`} note={[...states].map(([name, n]) => `${n} ${name}`).join(', ') || undefined} />
      {top && y && <Fact name={`best ${y.name}`} value={inUnit(top.best?.[y.name], y.name, y.unit)} note={<a href={to.run(top.run)}>trial {top.trial}</a>} />}
      {top && x && <Fact name={`its ${x.name}`} value={inUnit(top.best?.[x.name], x.name, x.unit)} />}
      {top?.best?.['sparsity'] !== undefined && x?.name !== 'sparsity' && <Fact name="its sparsity" value={percent(top.best['sparsity'], 1)} />}
      {top?.best?.['bytes'] !== undefined && x?.name !== 'bytes' && <Fact name="its size" value={bytes(top.best['bytes'])} />}
      <Fact name="on the front" value={trials.filter((t) => t.pareto).length} note={s?.objectives?.length ? s.objectives.join(', ') : undefined} />
      {s?.concurrency && !view.closed ? <Fact name="at a time" value={s.concurrency} note={`${s.live} under way`} /> : null}
      {s?.over && <Fact name="over" value={<small>{s.over}</small>} />}
    </dl>
  )
}
