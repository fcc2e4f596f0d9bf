import { Actions } from '../actions/Actions'
import { activityName, ago, clock, eta, kindOf, seconds, share, spent } from '../format'
import { now } from '../now'
import { to } from '../router'
import { useStore } from '../store'
import type { View } from '../types'
import { Bar, Copy, Fact, State, Tags } from '../ui/parts'

/** Header says what a run is, how it is, and what can be done to it. */
export function Header({ view }: { view: View }) {
  const tick = useStore(now)
  const parent = view.kind === 'trial' ? view.id.replace(/-\d+(-to-\d+)?$/, '') : undefined
  const left = eta(view, tick)
  return (
    <header class="run-head">
      <div class="head">
        <p class="crumbs dim">
          <a href={to.runs}>Runs</a>
          {parent && <> / <a href={to.run(parent)}>{parent}</a></>}
        </p>
        <h1>{view.summary.name || view.id}</h1>
        <State state={view.state} />
        <Tags tags={view.tags} />
        <Actions view={view} />
      </div>
      <dl class="facts small">
        <Fact name={kindOf(view)} value={<Copy text={view.id} what="the id" />} />
        <Fact name="started" value={clock(view.started)} />
        <Fact name={view.closed ? 'took' : 'so far'} value={seconds(Math.round(spent(view, tick)))} />
        {left !== undefined && <Fact name="left, about" value={seconds(Math.round(left))} />}
        {view.temporal_url && <Fact name="Temporal" value={<a href={view.temporal_url} target="_blank" rel="noreferrer">history ↗</a>} />}
      </dl>
      {view.state !== 'done' && <div class="way"><Bar share={share(view)} label="progress of the run" state={view.state} /><Doing view={view} /></div>}
      {view.blocked && <p class="notice">{view.blocked}</p>}
      {view.failure && view.state === 'failed' && <p class="notice bad">{view.failure}</p>}
      {view.stale && <p class="notice">No worker answers for the run's rows; what is shown here is {view.as_of ? `what its last worker wrote down, ${ago(view.as_of, tick)}` : 'what Temporal keeps'}.</p>}
      {view.reached?.stopped && <p class="notice">Ended early: {view.reached.stopped}</p>}
    </header>
  )
}

/** Doing says what the step under way does, in a line. */
function Doing({ view }: { view: View }) {
  const step = view.step
  if (!step) return <span class="dim">{view.kind === 'sweep' ? `${view.summary.pass} of ${view.summary.passes} trials` : `pass ${view.summary.pass} of ${view.summary.passes}`}</span>
  const p = step.progress
  const words = [activityName(step.activity)]
  if (p?.tied) words[0] += p.portion ? ` of centroids of ${+(100 * p.portion).toFixed(2)} % of the weights` : ' of centroids'
  else if (p?.pass !== undefined) words.push(p.pass === 0 ? 'dense' : `pass ${p.pass}`)
  if (p?.epochs) words.push(`epoch ${Math.min(p.epochs, (p.cursor?.epoch ?? 0) + 1)} of ${p.epochs}`)
  if (p?.rate) words.push(`${Math.round(p.rate).toLocaleString('en')} images/s`)
  if (step.waiting) words.push('waits for a worker')
  else if (step.worker) words.push(`on ${step.worker}`)
  if (step.attempt > 1) words.push(`attempt ${step.attempt}`)
  return (
    <>
      <span class="dim">{words.join(' · ')}</span>
      {step.last_failure && <span class="bad">{step.last_failure}</span>}
    </>
  )
}
