import { useState } from 'preact/hooks'
import { session } from '../api'
import { useStore } from '../store'
import type { View } from '../types'
import { ActionDialog } from './ActionDialog'
import { type Action, allowed, forms } from './forms'

/** Actions are the buttons of what can be done to a run as it is. */
export function Actions({ view }: { view: View }) {
  const [open, setOpen] = useState<Action>()
  const known = useStore(session)
  if (!known || known.read_only) return null
  return (
    <div class="actions" role="group" aria-label="actions">
      {allowed(view).map((action) => (
        <button key={action} type="button" class={forms[action].grave ? 'grave' : ''} onClick={() => setOpen(action)}>{forms[action].title}</button>
      ))}
      {open && <ActionDialog action={open} view={view} close={() => setOpen(undefined)} />}
    </div>
  )
}
