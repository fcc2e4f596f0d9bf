import { useEffect } from 'preact/hooks'
import { useGet } from '../api'
import { focus, runs } from '../live'
import { to } from '../router'
import { useStore } from '../store'
import { SweepPage } from '../sweep/SweepPage'
import type { View } from '../types'
import { Fault, Loading, Tabs } from '../ui/parts'
import { Checkpoints } from './Checkpoints'
import { Header } from './Header'
import { LayersTab } from './LayersTab'
import { LogTab } from './LogTab'
import { Overview } from './Overview'
import { Scan } from './Scan'
import { SpecTab } from './SpecTab'
import { TimelineTab } from './TimelineTab'

/** RunPage is all about one run, sweep, trial or scan, kept up to date. */
export function RunPage({ id, tab }: { id: string; tab: string | undefined }) {
  const first = useGet<View>(`runs/${encodeURIComponent(id)}`)
  const live = useStore(focus)
  const listed = useStore(runs)?.get(id)
  const view = live?.id === id ? live : (first.data ?? (first.error ? undefined : listed))
  useEffect(() => {
    if (view) document.title = `${view.summary.name || id} · Espalier`
  }, [view?.summary.name])
  if (!view) return first.error ? <Fault again={first.reload}>{first.error}</Fault> : <Loading />

  const sweep = view.kind === 'sweep'
  const scan = view.kind === 'sensitivity'
  const tabs: [string, string][] = sweep
    ? [['', 'Trials'], ['timeline', 'Timeline'], ['log', 'Log'], ['spec', 'Spec']]
    : scan
      ? [['', 'Sensitivity'], ['timeline', 'Timeline'], ['log', 'Log'], ['spec', 'Spec']]
      : [['', 'Overview'], ['layers', 'Layers'], ['timeline', 'Timeline'], ['checkpoints', 'Checkpoints'], ['log', 'Log'], ['spec', 'Spec']]
  const at = tabs.some(([name]) => name === tab) ? (tab ?? '') : ''
  return (
    <>
      <Header view={view} />
      <Tabs tabs={tabs} at={at} href={(name) => to.run(id, name)} />
      {part()}
    </>
  )

  function part() {
    if (!view) return null
    switch (at) {
      case 'layers':
        return <LayersTab view={view} />
      case 'timeline':
        return <TimelineTab view={view} />
      case 'checkpoints':
        return <Checkpoints view={view} />
      case 'log':
        return <LogTab view={view} />
      case 'spec':
        return <SpecTab view={view} />
      default:
        return sweep ? <SweepPage view={view} /> : scan ? <Scan view={view} /> : <Overview view={view} />
    }
  }
}
