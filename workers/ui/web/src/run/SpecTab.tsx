import { useGet } from '../api'
import type { View } from '../types'
import { Fault, Loading, Panel } from '../ui/parts'

/** SpecTab is the spec in its canonical form. */
export function SpecTab({ view }: { view: View }) {
  const { data, error, loading, reload } = useGet<string>(`runs/${encodeURIComponent(view.id)}/spec`, 0, 'text')
  if (error) return <Fault again={reload}>{error}</Fault>
  if (data === undefined) return loading ? <Loading /> : null
  return (
    <Panel title="Spec" hint="with all defaults written out" aside={<button type="button" class="quiet" onClick={() => void navigator.clipboard.writeText(data).catch(() => undefined)}>Copy</button>}>
      <pre class="spec" tabIndex={0} role="region" aria-label="spec">{data.split('\n').map((line, i) => <Yaml key={i} line={line} />)}</pre>
    </Panel>
  )
}

/** Yaml colours the key of a line. */
function Yaml({ line }: { line: string }) {
  const parts = /^(\s*(?:- )?)([\w.-]+)(:)(.*)$/.exec(line)
  if (!parts) return <>{line}{'\n'}</>
  return <>{parts[1]}<b>{parts[2]}</b>{parts[3]}{parts[4]}{'\n'}</>
}
