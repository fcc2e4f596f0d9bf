// The answers about one run, one sweep or one scan beyond its View.

export interface Attempt {
  attempt: number
  worker?: string
  /** Why it ended. */
  failure?: string
}

export interface TimelineStep {
  id: string | number
  activity: string
  pass?: number
  queue?: string
  scheduled?: string
  started?: string
  ended?: string
  state: string
  attempts?: Attempt[] | null
  /** An earlier run had done it. */
  found?: boolean
  key?: string
}

export interface Mark {
  when: string
  what: string
  text?: string
}

export interface Timeline {
  steps: TimelineStep[] | null
  marks: Mark[] | null
}

export interface CurvePoint {
  epoch: number
  batch?: number
  samples?: number
  loss?: number
  accuracy?: number
  rate?: number
  seconds?: number
  /** On samples that are not trained on, where the spec asks for it. */
  eval_loss?: number
  eval_accuracy?: number
}

export interface CurveStep {
  key: string
  activity: string
  pass: number
  points: CurvePoint[] | null
}

export interface Curves {
  steps: CurveStep[] | null
}

export interface Layer {
  name: string
  op: string
  inputs?: number
  outputs?: number
  weights: number
  nonzero: number
  macs?: number
  effective_macs?: number
  dense_bytes: number
  csr_bytes: number
  coded_bytes?: number
}

export interface LayersOfPass {
  pass: number
  checkpoint: string
  layers: Layer[] | null
}

export interface Layers {
  passes: LayersOfPass[] | null
  why?: string
}

export interface Measured {
  pass: number
  latency_s: number
  measured: number
  theoretical: number
}

export interface Speed {
  measured: Measured[] | null
  why?: string
}

export interface Checkpoint {
  checkpoint: string
  parent?: string
  key?: string
  activity: string
  pass: number
  token?: number
  seq?: number
  bytes?: number
  when?: string
  final?: boolean
}

export interface Lineage {
  checkpoints: Checkpoint[] | null
}

export interface SensitivityPoint {
  share: number
  removed?: number
  accuracy: number
}

export interface SensitivityLayer {
  name?: string
  layer?: string
  size?: number
  points?: SensitivityPoint[] | null
}

export interface Sensitivity {
  accuracy?: number
  layers: SensitivityLayer[] | null
}

export interface LogLine {
  time: string
  level: string
  msg: string
  attrs?: Record<string, unknown> | null
}

export interface Log {
  lines: LogLine[] | null
  why?: string
}

export interface TrialRow {
  trial: number
  run: string
  state: string
  why?: string
  values: Record<string, string | number | boolean> | null
  seed?: number
  rung?: number
  best?: Record<string, number> | null
  /** No other trial beats it; the page writes it in. */
  pareto?: boolean
}

/** TrialsMark is how far the server has a sweep's trials. */
export interface TrialsMark {
  /** Versions of another book say nothing. */
  book: string
  version: number
  /** Trials that have ended and are still to be read. */
  reading?: number
}

export interface Trials {
  parameters: string[] | null
  columns: { name: string; unit?: string }[] | null
  trials: TrialRow[] | null
  objectives?: string[] | null
  /** Trials that have no row. */
  left_out?: number
  reading?: number
  why?: string
}

/** NewTrials are those that changed since a version, and all else of Trials. */
export interface NewTrials extends Trials, TrialsMark {
  reading?: number
  /** Numbers of the trials that no other beats. */
  front: number[] | null
  more?: boolean
}
