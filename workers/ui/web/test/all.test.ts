import { after, before } from 'node:test'
import { launch } from './browser'
import { quick, sweep } from './espalier'
import { world } from './world'
import './numbers'
import './pages'
import './actions'
import './access'
import './crowd'

before(async () => {
  await world.espalier.serve()
  world.run = world.espalier.submit(quick)
  world.sweep = world.espalier.submit(sweep)
  world.scan = world.espalier.scan(quick)
  Object.assign(world, await world.espalier.dashboard())
  world.browser = await launch()
  world.espalier.call('watch', world.run)
  world.espalier.call('watch', world.sweep)
  world.espalier.call('watch', world.scan)
})

after(async () => {
  await world.browser?.close()
  await world.espalier.close()
})
