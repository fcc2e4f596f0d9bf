import { useState } from 'preact/hooks'
import { post } from '../api'
import { go, to } from '../router'
import type { View } from '../types'
import { Dialog } from '../ui/Dialog'
import { Fault } from '../ui/parts'
import { type Action, body, type Field, forms, why } from './forms'

/** ActionDialog says what is about to happen, asks for what it needs, and does it. */
export function ActionDialog({ action, view, from, close }: { action: Action; view: View; from?: string; close: () => void }) {
  const form = forms[action]
  const fields = [...form.fields(view), ...(action === 'note' || action === 'tag' ? [] : [why])]
  const [values, setValues] = useState<Record<string, string | boolean>>(() => ({
    ...Object.fromEntries(fields.flatMap((f) => (f.begin === undefined ? [] : [[f.name, f.begin]]))),
    ...(action === 'tag' ? { tags: (view.tags ?? []).join(' ') } : {}),
    ...(action === 'fork' ? { from: from ?? String(view.summary.pass) } : {}),
  }))
  const [fault, setFault] = useState('')
  const [nothing, setNothing] = useState('') // why it was so already
  const [busy, setBusy] = useState(false)
  const submit = async (e: Event) => {
    e.preventDefault()
    setBusy(true)
    setFault('')
    try {
      const answer = await post<{ id?: string; changed?: boolean; why?: string }>(`runs/${encodeURIComponent(view.id)}/${action}`, body(action, view, values))
      if (answer.changed === false && (answer.id ?? view.id) === view.id) {
        setNothing(answer.why ?? 'it was so already')
        setBusy(false)
        return
      }
      close()
      if (action === 'cancel' && values['discard'] === true) go(to.runs)
      else if (answer.id && answer.id !== view.id) go(to.run(answer.id))
    } catch (problem) {
      setFault(problem instanceof Error ? problem.message : String(problem))
      setBusy(false)
    }
  }
  return (
    <Dialog title={`${form.title} ${view.summary.name || view.id}`} close={close}>
      <form onSubmit={submit}>
        <p>{form.says(view)}</p>
        {fields.map((f) => <Input key={f.name} field={f} value={values[f.name]} onChange={(value) => setValues((old) => ({ ...old, [f.name]: value }))} />)}
        {nothing && <p class="notice" role="status">Nothing changed: {nothing}</p>}
        {fault && <Fault>{fault}</Fault>}
        <footer>
          <button type="button" onClick={close}>Leave it</button>
          <button type="submit" class={form.grave ? 'primary grave' : 'primary'} disabled={busy}>{form.button}</button>
        </footer>
      </form>
    </Dialog>
  )
}

function Input({ field: f, value, onChange }: { field: Field; value: string | boolean | undefined; onChange: (value: string | boolean) => void }) {
  if (f.kind === 'check') {
    return <label class="check"><input type="checkbox" checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} /><span>{f.label}{f.hint && <small class="dim">{f.hint}</small>}</span></label>
  }
  const text = typeof value === 'string' ? value : ''
  return (
    <label>
      <span>{f.label}{f.hint && <small class="dim">{f.hint}</small>}</span>
      {f.kind === 'lines'
        ? <textarea rows={3} spellcheck={false} value={text} onInput={(e) => onChange(e.currentTarget.value)} />
        : <input type={f.kind === 'number' ? 'number' : 'text'} min={f.least} max={f.most} required={f.needed} autocomplete="off" spellcheck={false} value={text} onInput={(e) => onChange(e.currentTarget.value)} />}
    </label>
  )
}
