import { useState } from 'preact/hooks'
import { ActionDialog } from '../actions/ActionDialog'
import { session, useGet } from '../api'
import { activityName, bytes, clock } from '../format'
import { useStore } from '../store'
import type { Checkpoint, Lineage, View } from '../types'
import { Copy, Empty, Fault, Loading, Panel } from '../ui/parts'
import { pulse } from './pulse'

/** Checkpoints is which network became of which, from the first to the final one. */
export function Checkpoints({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<Lineage>(`runs/${encodeURIComponent(view.id)}/lineage`, pulse(view))
  const [from, setFrom] = useState<string>()
  const readOnly = useStore(session)?.read_only ?? true
  if (error && !data) return <Fault again={reload}>{error}</Fault>
  if (!data) return loading ? <Loading /> : null
  const all = data.checkpoints ?? []
  if (all.length === 0) return <Empty>No checkpoint has been saved yet.</Empty>
  return (
    <Panel title="Lineage" hint="each step reads the checkpoint above it; a hollow one was saved on the way, to resume from">
      <ol class="lineage">
        {groups(all).map((group) => (
          <li key={`${group.key} ${group.list[0]?.checkpoint}`}>
            <h3>{activityName(group.activity)} <small class="dim">{group.pass === 0 ? 'dense' : `pass ${group.pass}`}</small></h3>
            <ul>
              {group.list.map((c, i) => (
                <li key={`${c.checkpoint} ${i}`} class={c.final ? 'final' : 'between'}>
                  <Copy text={c.checkpoint} digest what="the digest" />
                  <span class="dim">{bytes(c.bytes)}</span>
                  <span class="dim">{clock(c.when)}</span>
                  {c.token !== undefined && <span class="dim" title="the number of the attempt">token {c.token}</span>}
                  {c.final && !readOnly && <button type="button" class="quiet" onClick={() => setFrom(c.checkpoint)}>Fork from here</button>}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
      {from !== undefined && <ActionDialog action="fork" view={view} from={from} close={() => setFrom(undefined)} />}
    </Panel>
  )
}

interface Group { key: string; activity: string; pass: number; list: Checkpoint[] }

/** groups are the checkpoints by the steps that saved them, in their order. */
function groups(all: readonly Checkpoint[]): Group[] {
  const found: Group[] = []
  for (const c of all) {
    const last = found.at(-1)
    if (last && last.key === (c.key ?? '') && last.activity === c.activity) last.list.push(c)
    else found.push({ key: c.key ?? '', activity: c.activity, pass: c.pass, list: [c] })
  }
  return found
}
