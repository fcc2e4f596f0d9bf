import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { short } from '../format'
import { Icon } from './Icon'

/** State is a state as a coloured dot and its word. */
export function State({ state }: { state: string }) {
  return <span class={`state state-${state}`}>{state}</span>
}

/** Bar is how much of a way has been gone, in the colour of how it stands. */
export function Bar({ share, label, state }: { share: number; label: string; state: string }) {
  const whole = Math.round(100 * Math.max(0, Math.min(1, share)))
  return (
    <span class={`bar bar-${state}`} role="progressbar" aria-valuemin={0} aria-valuemax={100} aria-valuenow={whole} aria-label={label}>
      <span style={{ width: `${whole}%` }} />
    </span>
  )
}

/** Tags are the words that persons gave to a run. */
export function Tags({ tags }: { tags: string[] | null | undefined }) {
  if (!tags?.length) return null
  return <span class="tags">{tags.map((tag) => <span class="tag" key={tag}>{tag}</span>)}</span>
}

/** Panel is a part of a page with a heading. */
export function Panel(props: { title: string; hint?: string; aside?: ComponentChildren; class?: string; children: ComponentChildren }) {
  return (
    <section class={`panel ${props.class ?? ''}`}>
      <header>
        <h2>{props.title}</h2>
        {props.hint && <p class="dim">{props.hint}</p>}
        {props.aside && <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  )
}

/** Empty says why there is nothing to see, and what would change that. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>
}

/** Fault is an error in a sentence. */
export function Fault({ children, again }: { children: ComponentChildren; again?: (() => void) | undefined }) {
  return (
    <div class="fault" role="alert">
      <span>{children}</span>
      {again && <button type="button" onClick={again}>Try again</button>}
    </div>
  )
}

/** Loading holds the place of what is on its way. */
export function Loading() {
  return <p class="empty" role="status">Loading …</p>
}

/** Copy is a text with a button that copies it; a digest is shown short. */
export function Copy({ text, digest, what }: { text: string; digest?: boolean; what: string }) {
  const [copied, setCopied] = useState(false)
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => {
        setCopied(true)
        window.setTimeout(() => setCopied(false), 1200)
      },
      () => setCopied(false), // the browser forbids it; the text can be marked by hand
    )
  }
  return (
    <span class="copy">
      <code title={text}>{digest ? short(text) : text}</code>
      <button type="button" class="icon" onClick={copy} aria-label={copied ? 'copied' : `copy ${what}`} title={`copy ${what}`}>
        <Icon of={copied ? 'done' : 'copy'} />
      </button>
    </span>
  )
}

/** Fact is a number with its name, and what it was before. */
export function Fact(props: { name: string; value: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{props.name}</dt>
      <dd>{props.value}{props.note !== undefined && <small>{props.note}</small>}</dd>
    </div>
  )
}

/** Tabs are links between the parts of a page. */
export function Tabs({ tabs, at, href }: { tabs: [string, string][]; at: string; href: (tab: string) => string }) {
  return (
    <nav class="tabs" aria-label="parts of this page">
      {tabs.map(([tab, title]) => (
        <a key={tab} href={href(tab)} aria-current={tab === at ? 'page' : undefined}>{title}</a>
      ))}
    </nav>
  )
}
