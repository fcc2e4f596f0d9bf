import { useMemo, useState } from 'preact/hooks'
import { useGet } from '../api'
import { clock } from '../format'
import { now } from '../now'
import { useStore } from '../store'
import type { Log, View } from '../types'
import { Empty, Fault, Panel } from '../ui/parts'

/** LogTab is what persons did to a run, what happened to it, and what its workers wrote. */
export function LogTab({ view }: { view: View }) {
  return (
    <>
      <Logbook view={view} />
      <Lines view={view} />
    </>
  )
}

function Logbook({ view }: { view: View }) {
  const entries = view.log ?? []
  const events = view.reached?.events ?? view.sweep?.events ?? []
  return (
    <div class="two">
      <Panel title="Logbook" hint="what persons did, and why">
        {entries.length === 0 ? <Empty>Nobody has written here. A note explains to others what you see.</Empty> : (
          <ol class="entries">
            {entries.map((e, i) => (
              <li key={i}><time dateTime={e.when}>{clock(e.when)}</time><b>{e.what}{e.tags?.length ? ` ${e.tags.join(', ')}` : ''}</b><span>{e.note} <small class="dim">{e.who}</small></span></li>
            ))}
          </ol>
        )}
      </Panel>
      <Panel title="Events" hint="what the run itself noted">
        {events.length === 0 ? <Empty>Nothing of note has happened.</Empty> : (
          <ol class="entries">{events.map((e, i) => <li key={i}><time dateTime={e.when}>{clock(e.when)}</time><span>{e.what} {e.who && <small class="dim">{e.who}</small>}</span></li>)}</ol>
        )}
      </Panel>
    </div>
  )
}

const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR']

function Lines({ view }: { view: View }) {
  const tick = useStore(now)
  const live = view.closed ? 0 : Math.floor(tick / 3000)
  const { data, error, reload } = useGet<Log>(`runs/${encodeURIComponent(view.id)}/log?tail=500`, live)
  const [least, setLeast] = useState('DEBUG')
  const [search, setSearch] = useState('')
  const lines = useMemo(() => {
    const words = search.toLowerCase()
    return (data?.lines ?? []).filter((l) => levels.indexOf(l.level.toUpperCase()) >= levels.indexOf(least) && JSON.stringify(l).toLowerCase().includes(words))
  }, [data, least, search])
  return (
    <Panel
      title="Log of the workers" hint="the newest 500 lines of this run, on this machine"
      aside={(
        <>
          <input type="search" aria-label="search in the log" placeholder="Search  /" value={search} onInput={(e) => setSearch(e.currentTarget.value)} />
          <select aria-label="least level" value={least} onChange={(e) => setLeast(e.currentTarget.value)}>{levels.map((l) => <option key={l} value={l}>{l.toLowerCase()}</option>)}</select>
        </>
      )}
    >
      {error && !data && <Fault again={reload}>{error}</Fault>}
      {data && lines.length === 0 && <Empty>{data.why || 'No line of this run.'}</Empty>}
      {lines.length > 0 && (
        <div class="log" tabIndex={0} role="region" aria-label="lines of the log">
          {lines.map((l, i) => (
            <div key={i} class={`log-line log-${l.level.toLowerCase()}`}>
              <time dateTime={l.time} title={l.time}>{clock(l.time).slice(11)}</time><b>{l.level.toLowerCase()}</b>
              <span>{l.msg} <small class="dim">{Object.entries(l.attrs ?? {}).map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`).join(' ')}</small></span>
            </div>
          ))}
        </div>
      )}
    </Panel>
  )
}
