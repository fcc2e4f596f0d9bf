// The answers of the server, as workers/ui has them: what it says of itself, and views.

import type { TrialsMark } from './details'

export type * from './details'

/** Session is what the server says of itself and of who asks. */
export interface Session {
  version: string
  home?: string
  read_only: boolean
  /** A token is needed and was not given. */
  login: boolean
  csrf: string
  /** Base address of Temporal's own page, or nothing. */
  temporal_ui: string
  namespace: string
  user: string
}

export interface Summary {
  name: string
  state: string
  pass: number
  passes: number
  sparsity: number
  accuracy: number
  final?: string
  failed?: number
}

export interface Cursor {
  epoch: number
  batch: number
  step: number
  loss_sum: number
  correct: number
  seen: number
}

export interface Progress {
  kind: string
  pass: number
  phase: string
  key?: string
  cursor?: Cursor
  epochs?: number
  batches?: number
  loss?: number
  accuracy?: number
  lr?: number
  /** Training images a second. */
  rate?: number
  /** The values that a quantized network shares are trained. */
  tied?: boolean
  portion?: number
  checkpoint?: string
  saved_at?: string
  saved_step?: number
  notes?: string[]
}

export interface Step {
  activity: string
  attempt: number
  queue?: string
  waiting: boolean
  again?: string
  worker?: string
  heartbeat?: string
  progress?: Progress
  last_failure?: string
}

export interface Row {
  pass: number
  sparsity: number
  weights: number
  nonzero_weights: number
  parameters: number
  accuracy: number
  accuracy_low: number
  accuracy_high: number
  pruned_accuracy?: number
  loss: number
  dense_bytes: number
  sparse_bytes: number
  quantized_bytes?: number
  huffman_bytes?: number
  macs?: number
  effective_macs: number
  latency_s?: number
  checkpoint: string
  size: number
  kept: boolean
}

export interface Event {
  when: string
  who?: string
  what: string
}

export interface Reached {
  state: string
  pass: number
  rows?: Row[] | null
  stopped?: string
  events?: Event[] | null
}

export interface Entry {
  when: string
  who: string
  what: string
  note?: string
  tags?: string[]
}

export interface Sweep {
  objectives: string[]
  total: number
  made: number
  live: number
  ended: number
  failures: number
  over?: string
  events?: Event[] | null
  concurrency?: number
  priority?: number
}

/** View is a look at a run, a sweep or a scan. */
export interface View {
  id: string
  kind?: 'sensitivity' | 'sweep' | 'trial'
  state: string
  started: string
  closed?: string
  summary: Summary
  reached?: Reached
  sweep?: Sweep
  /** How far the server has the trials of a sweep. */
  trials?: TrialsMark
  step?: Step
  log?: Entry[] | null
  tags?: string[] | null
  /** Why no worker takes its step. */
  blocked?: string
  /** No worker answered for the rows. */
  stale?: boolean
  /** When a sweep stood so, if that is what its worker wrote down. */
  as_of?: string
  /** Why it ended without a result. */
  failure?: string
  temporal_url?: string
}

export interface Runs {
  runs: View[] | null
  more: boolean
}
