//go:build !race

package train_test

// raceDetector says that the race detector watches; it makes calls allocate.
const raceDetector = false
