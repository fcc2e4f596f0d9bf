import { useMemo, useState } from 'preact/hooks'
import { bytes, inUnit, percent } from '../format'
import { to } from '../router'
import type { TrialRow, View } from '../types'
import { Empty, Fact, Fault, Loading, Panel } from '../ui/parts'
import { Front } from './Front'
import { best, front, type Measure, measures } from './numbers'
import { Parallel } from './Parallel'
import { useTrials } from './trials'
import { TrialTable } from './TrialTable'

/** Brush is the trials that a chart has chosen. */
interface Brush {
  by: 'front' | 'parallel'
  runs: ReadonlySet<string>
}

/** SweepPage is the trials of a sweep: their front, their values, their table. */
export function SweepPage({ view }: { view: View }) {
  const { data, error, reload } = useTrials(view)
  const [brush, setBrush] = useState<Brush>()
  const brushed = brush?.runs
  const brushBy = (by: Brush['by']) => (runs: ReadonlySet<string> | undefined) => setBrush((old) => (runs ? { by, runs } : old?.by === by ? undefined : old))
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const known = useMemo(() => (data ? measures(data) : []), [data])
  const y = known[0]
  const rest = known.filter((m) => m !== y)
  const [axisName, setAxis] = useState<string>()
  const x = rest.find((m) => m.name === axisName) ?? rest.find((m) => data?.objectives?.includes(m.name)) ?? rest.find((m) => m.name === 'bytes') ?? rest[0]
  const trials = useMemo(() => data?.trials ?? [], [data])
  const line = useMemo(() => (x && y ? front(trials, x, y) : []), [trials, x?.name, y?.name])
  const must = useMemo(() => new Set([...line, ...trials.filter((t) => t.pareto)].map((t) => t.run)), [line, trials])
  const shown = useMemo(() => (brushed ? trials.filter((t) => brushed.has(t.run)) : trials), [trials, brushed])
  const toggle = (run: string) => setChosen((old) => {
    const next = new Set(old)
    if (!next.delete(run)) next.add(run)
    return next
  })
  if (error && !data) return <Fault again={reload}>{error}</Fault>
  if (!data) return <Loading />
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
            <Front trials={trials} x={x} y={y} best={line} brushed={brushed} chooses={brush?.by === 'front'} onBrush={brushBy('front')} />
          </Panel>
          <Panel title="Parameters" hint="a line is a trial; drag along an axis to keep some">
            <Parallel data={data} measures={[x, y]} must={must} chooses={brush?.by === 'parallel'} onBrush={brushBy('parallel')} />
          </Panel>
        </div>
      )}
      {trials.length > 0 && (
        <TrialTable
          sweep={view.id} data={data} rows={shown} measures={known} chosen={chosen} onChoose={toggle}
          aside={(
            <>
              {brushed && <button type="button" class="quiet" onClick={() => setBrush(undefined)}>{shown.length} of {trials.length}: show all</button>}
              {chosen.size >= 2 && <a class="button primary" href={to.compare([...chosen])}>Compare {chosen.size}</a>}
            </>
          )}
        />
      )}
      {data.reading ? <p class="dim hint" role="status">{data.reading} more trials are being read.</p> : null}
      {data.why && trials.length > 0 && <p class="dim hint">{data.why}</p>}
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
