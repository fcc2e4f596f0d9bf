//go:build race

package kernel_test

// raceDetector is on: it makes pools forget, which then allocate.
const raceDetector = true
