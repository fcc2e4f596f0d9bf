import { useEffect, useState } from 'preact/hooks'

/** Store is a value that components watch. */
export class Store<T> {
  private readonly watchers = new Set<() => void>()

  constructor(private value: T) {}

  get(): T {
    return this.value
  }

  set(value: T): void {
    if (Object.is(value, this.value)) return
    this.value = value
    for (const watcher of [...this.watchers]) watcher()
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }
}

/** useStore is the store's value; the component is drawn again as it changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => store.get())
  useEffect(() => {
    setValue(() => store.get()) // it may have changed before this effect ran
    return store.watch(() => setValue(() => store.get()))
  }, [store])
  return value
}
