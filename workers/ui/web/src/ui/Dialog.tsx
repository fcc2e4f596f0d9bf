import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/** Dialog is a modal one for as long as it is drawn. */
export function Dialog(props: { title: string; close: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const dialog = ref.current
    const before = document.activeElement
    dialog?.showModal()
    return () => {
      dialog?.close()
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      aria-labelledby="dialog-title"
      onCancel={(e) => {
        e.preventDefault()
        props.close()
      }}
      onClick={(e) => {
        if (e.target === ref.current) props.close() // beside it
      }}
    >
      <div class="dialog">
        <h2 id="dialog-title">{props.title}</h2>
        {props.children}
      </div>
    </dialog>
  )
}
