import { activityName } from '../format'
import type { CurvePoint, CurveStep } from '../types'

/** Line is what one step's training went through, laid after the steps before it. */
export interface Line {
  name: string
  points: LinePoint[]
}

export interface LinePoint {
  /** Epochs since the first step's begin. */
  at: number
  loss?: number
  accuracy?: number
  /** On samples that are not trained on. */
  heldLoss?: number
  heldAccuracy?: number
}

/**
 * lay puts the steps of a run one after the other on an axis of epochs. Without
 * batches, of an epoch, points within epochs have no place and are left out.
 */
export function lay(steps: readonly CurveStep[], batches?: number): Line[] {
  let began = 0
  const lines = []
  for (const s of steps) {
    const points = (s.points ?? []).filter((p) => !p.batch || batches).map((p) => place(p, began, batches ?? 1))
    const end = points.at(-1)
    if (!end) continue
    began = end.at
    lines.push({ name: s.pass === 0 ? 'dense' : `${activityName(s.activity)}, pass ${s.pass}`, points })
  }
  return lines
}

function place(p: CurvePoint, began: number, batches: number): LinePoint {
  return {
    at: began + p.epoch + (p.batch ?? 0) / batches,
    ...(p.loss === undefined ? {} : { loss: p.loss }),
    ...(p.accuracy === undefined ? {} : { accuracy: p.accuracy }),
    ...(p.eval_loss === undefined ? {} : { heldLoss: p.eval_loss }),
    ...(p.eval_accuracy === undefined ? {} : { heldAccuracy: p.eval_accuracy }),
  }
}
