import { useGet } from '../api'
import { activityName, clock, seconds, short } from '../format'
import { now } from '../now'
import { useStore } from '../store'
import type { Attempt, Mark, Timeline, TimelineStep, View } from '../types'
import { Empty, Fault, Loading, Panel } from '../ui/parts'
import { pulse } from './pulse'

/** TimelineTab is the steps of a run on an axis of time, with attempts, workers and what went wrong. */
export function TimelineTab({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<Timeline>(`runs/${encodeURIComponent(view.id)}/timeline`, pulse(view))
  const tick = useStore(now)
  if (error && !data) return <Fault again={reload}>{error}</Fault>
  if (!data) return loading ? <Loading /> : null
  const steps = data.steps ?? []
  const marks = [...(data.marks ?? [])].sort((a, b) => a.when.localeCompare(b.when))
  return (
    <>
      <Panel title="Steps" hint="each attempt is a bar of its own; a hatched one failed; a step that an earlier run had done takes no time">
        {steps.length === 0 ? <Empty>{view.kind === 'sweep' ? 'A sweep has no steps of its own; those of its trials are on their pages.' : 'No step has begun yet.'}</Empty>
          : <Gantt steps={steps} marks={marks} from={Date.parse(view.started)} until={view.closed ? Date.parse(view.closed) : tick} />}
      </Panel>
      <Panel title="Faults, pauses and resumes">
        {marks.length === 0 ? <Empty>Nothing went wrong, and nobody intervened.</Empty> : (
          <ol class="entries">
            {marks.map((m, i) => <li key={i}><time dateTime={m.when}>{clock(m.when)}</time><b class={`mark mark-${kind(m)}`}>{m.what}</b><span>{m.text}</span></li>)}
          </ol>
        )}
      </Panel>
    </>
  )
}

/** kind is the colour of a mark: what went wrong, and what a person did. */
function kind(m: Mark): string {
  if (/fail|fault|lost|timeout/.test(m.what)) return 'bad'
  if (/pause/.test(m.what)) return 'paused'
  if (/resume/.test(m.what)) return 'good'
  return 'plain'
}

function Gantt({ steps, marks, from, until }: { steps: TimelineStep[]; marks: Mark[]; from: number; until: number }) {
  const times = steps.flatMap((s) => [s.scheduled, s.started, s.ended]).filter((t) => t !== undefined).map((t) => Date.parse(t))
  const begin = Math.min(from, ...times)
  const end = Math.max(until, ...times, begin + 1)
  const place = (time: number) => (100 * (time - begin)) / (end - begin)
  const workers = [...new Set(steps.flatMap((s) => (s.attempts ?? []).map((a) => a.worker ?? '')))].filter((w) => w !== '')
  const ticks = scale(end - begin)
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="timeline of the steps">
      <div class="gantt">
        <div class="gantt-row axis" aria-hidden="true">
          <span /><div class="track">{ticks.map((t) => <i key={t} style={{ left: `${place(begin + t)}%` }}>{seconds(t / 1000)}</i>)}</div><span />
        </div>
        <ol>
          {steps.map((s) => (
            <li class="gantt-row" key={s.id}>
              <span class="gantt-name" title={s.key}>{activityName(s.activity)} <small class="dim">{s.pass === undefined || s.pass < 0 ? '' : s.pass === 0 ? 'dense' : `pass ${s.pass}`}</small></span>
              <div class="track">
                {ticks.map((t) => <i key={t} class="rule" style={{ left: `${place(begin + t)}%` }} />)}
                {marks.map((m, i) => <i key={i} class={`pin pin-${kind(m)}`} style={{ left: `${place(Date.parse(m.when))}%` }} />)}
                {s.scheduled && s.started && (s.attempts?.length ?? 0) < 2 && <Piece kind="wait" from={place(Date.parse(s.scheduled))} to={place(Date.parse(s.started))} title="waited for a worker" />}
                {pieces(s, end).map((p, i) => (
                  <Piece key={i} kind={p.bad ? 'bad' : s.state} worker={workers.indexOf(p.worker)} from={place(p.from)} to={place(p.to)} title={`attempt ${p.attempt}${p.worker ? ` on ${p.worker}` : ''}: ${seconds((p.to - p.from) / 1000)}${p.failure ? `; ${p.failure}` : ''}`} />
                ))}
              </div>
              <span class="gantt-note dim">{note(s, end)}</span>
            </li>
          ))}
        </ol>
        {workers.length > 0 && <p class="legend dim">{workers.map((w, i) => <span key={w}><i class={`swatch worker-${i % 6}`} />{w}</span>)}</p>}
      </div>
    </div>
  )
}

function Piece(props: { kind: string; worker?: number; from: number; to: number; title: string }) {
  const worker = props.worker !== undefined && props.worker >= 0 ? ` worker-${props.worker % 6}` : ''
  return <b class={`piece piece-${props.kind}${worker}`} style={{ left: `${props.from}%`, width: `max(3px, ${Math.max(0, props.to - props.from)}%)` }} title={props.title} />
}

interface Part { from: number; to: number; attempt: number; worker: string; failure: string | undefined; bad: boolean }

/**
 * pieces are the attempts of a step in time. Of the last one Temporal keeps when
 * it began; those before it share the time since the step was asked for.
 */
function pieces(s: TimelineStep, end: number): Part[] {
  if (!s.started) return []
  const attempts: Attempt[] = s.attempts?.length ? s.attempts : [{ attempt: 1 }]
  const began = Date.parse(s.started)
  const asked = s.scheduled ? Date.parse(s.scheduled) : began
  const before = (began - asked) / Math.max(1, attempts.length - 1)
  return attempts.map((a, i) => {
    const last = i === attempts.length - 1
    return {
      from: last ? began : asked + before * i, to: last ? (s.ended ? Date.parse(s.ended) : end) : asked + before * (i + 1),
      attempt: a.attempt, worker: a.worker ?? '', failure: a.failure, bad: !last || s.state === 'failed',
    }
  })
}

function note(s: TimelineStep, end: number): string {
  const words = []
  if (s.found) words.push('found in the store')
  else if (s.state !== 'done') words.push(s.state)
  const tries = s.attempts?.length ?? 0
  if (tries > 1) words.push(`${tries} attempts`)
  if (s.started && !s.found) words.push(seconds(((s.ended ? Date.parse(s.ended) : end) - Date.parse(s.started)) / 1000))
  if (words.length === 0 && s.key) words.push(short(s.key))
  return words.join(' · ')
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400]

/** scale is where an axis of so many milliseconds has its marks. */
function scale(length: number): number[] {
  const step = 1000 * (steps.find((s) => length / (1000 * s) <= 8) ?? Math.ceil(length / 8 / 86400_000) * 86400)
  const marks = []
  for (let t = step; t < length * 0.97; t += step) marks.push(t)
  return marks
}
